import pytest

from dip_lightning.compute import cgroups

MAX = {1: "9223372036854771712", 2: "max"}
FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
    2: ("memory.max", "memory.current", ""),
}


def group(folder, version, limit, used, cached=(0, 0)):
    folder.mkdir(parents=True, exist_ok=True)
    limit_name, used_name, prefix = FILES[version]
    (folder / limit_name).write_text(f"{MAX[version] if limit is None else limit}\n")
    (folder / used_name).write_text(f"{used}\n")
    active, inactive = cached
    # The first line of version 1 is this group's own, without its children.
    (folder / "memory.stat").write_text(
        f"cache 77\n{prefix}active_file {active}\n{prefix}inactive_file {inactive}\n"
    )


def free(tmp_path, *lines):
    (tmp_path / "membership").write_text("".join(f"{line}\n" for line in lines))
    return cgroups.free_bytes(tmp_path, tmp_path / "membership")


@pytest.mark.parametrize(
    ("version", "mounted", "line"),
    [(1, "memory", "4:memory:/slurm/job_7/step_0"), (2, ".", "0::/slurm/job_7/step_0")],
)
def test_the_tightest_of_nested_limits_counts(tmp_path, version, mounted, line):
    top = tmp_path / mounted
    group(top / "slurm", version, 9000, 1000)
    group(top / "slurm/job_7", version, 5000, 800, (300, 200))
    group(top / "slurm/job_7/step_0", version, None, 800)
    others = ("9:name=systemd:/", "3:cpuset:/elsewhere")
    assert free(tmp_path, *others, line) == 5000 - 800 + 300 + 200


def test_a_container_that_sees_only_its_own_group(tmp_path):
    group(tmp_path, 2, 4000, 1500)
    assert free(tmp_path, "0::/system.slice/docker-1234.scope") == 2500


def test_controllers_that_are_mounted_together(tmp_path):
    group(tmp_path / "memory" / "a", 1, 4000, 1500)
    assert free(tmp_path, "5:cpu,memory:/a") == 2500
    assert free(tmp_path, "5:cpu,memory_pressure:/a") is None


def test_no_limit_and_no_groups(tmp_path):
    group(tmp_path / "a", 2, None, 10)
    assert free(tmp_path, "0::/a") is None
    assert free(tmp_path, "0::/b") is None
    assert free(tmp_path) is None
    assert cgroups.free_bytes(tmp_path, tmp_path / "not there") is None
