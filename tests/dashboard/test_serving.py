import urllib.error
import urllib.request

import pytest

from dip_lightning.dashboard.serving import open_server, watch


@pytest.fixture
def server(tmp_path):
    (tmp_path / "page.html").write_text("hello")
    running = open_server(tmp_path, 0)
    yield running
    running.shutdown()
    running.server_close()


def fetch(server, host=None):
    address = f"http://127.0.0.1:{server.server_port}/page.html"
    request = urllib.request.Request(address, headers={"Host": host} if host else {})
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
        return answer.read(), answer.headers


def test_the_page_is_served_on_this_machine_alone(server):
    assert server.server_address[0] == "127.0.0.1"
    body, headers = fetch(server)
    assert body == b"hello"
    assert headers["Cache-Control"] == "no-cache"


def test_another_name_for_this_machine_is_refused(server):
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetch(server, host="elsewhere.example:80")
    assert refused.value.code == 403
    refused.value.close()


def test_watching_writes_until_interrupted():
    written = []

    def write():
        written.append(1)
        if len(written) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch(write, 0.001)
    assert len(written) == 3
