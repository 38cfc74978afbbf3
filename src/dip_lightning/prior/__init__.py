"""The method: what is asked (`Problem`), and how it is fitted (`DeepImagePrior`)."""
