"""What other rooms take, for them and for the command, whose --help must not import PyTorch."""

GREY_LEVELS = 255  # from black to white: sigma is told in those of 8 bits
SIGMAS = (0.1, 100)  # least and greatest standard deviation of a Gaussian kernel, pixels
RADII = (0.1, 300)  # of a disk, pixels
LENGTHS = (3, 601)  # of a motion, pixels
ANGLES = (-360, 360)  # of a motion, degrees
QUALITIES = (1, 100)  # of JPEG
SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")  # of the colours of JPEG
NOISES = ("gaussian", "poisson")  # kinds of noise
KERNEL_SIZES = (3, 151)  # of a kernel that is to be found, pixels
KERNEL_STARTS = ("estimate", "flat")  # and what it begins with
PATTERNS = ("rggb", "bggr", "grbg", "gbrg")  # colours of a mosaic's upper left 2 x 2 pixels
SIZE = r"(?:([1-9]\d{0,5})x)?([1-9]\d{0,5})x([1-9]\d{0,5})"  # of an image, CxHxW or HxW
DEVICES = ("auto", "cpu", "gpu")
