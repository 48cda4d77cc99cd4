"""`download` against a server on this machine, as good and as bad as servers are."""

import gzip
import hashlib
import io
import os
import re
import socket
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from treefold.data import DataError, DownloadError, download, load_dataset, receive
from treefold.data.archives import Archive, Member, fetch

TRAIN = b"(2 (2 a) (1 b))\n" * 4000


def member(content: bytes, name: str, trees: int, nodes: int) -> Member:
    return Member(name, hashlib.sha256(content).hexdigest(), trees, nodes)


MEMBERS = {
    "train.txt": member(TRAIN, "trees/train.txt", 4000, 12000),
    "dev.txt": member(b"(2 a)\n", "trees/dev.txt", 1, 1),
}


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


GOOD = zipped({"trees/train.txt": TRAIN, "trees/dev.txt": b"(2 a)\n"})


class Server(ThreadingHTTPServer):
    """Serves `content`, and does what else it is told to."""

    content = GOOD
    ranges = True  # know the Range header
    tag = '"v1"'
    drop_after = 0  # bytes, then cut the connection
    drops = 0  # how often
    status = 200
    says_length = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/data.zip"


class Handler(BaseHTTPRequestHandler):
    server: Server  # type: ignore[assignment]

    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range", "")
        server.asked.append(asked)
        if server.status != 200:
            return self.send_error(server.status)
        begin = 0
        fresh = self.headers.get("If-Range") in (None, server.tag)
        if server.ranges and fresh and (found := re.match(r"bytes=(\d+)-", asked)):
            begin = int(found[1])
            if begin >= len(server.content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(server.content)}")
                return self.end_headers()
            self.send_response(206)
            last = len(server.content) - 1
            self.send_header(
                "Content-Range", f"bytes {begin}-{last}/{len(server.content)}"
            )
        else:
            self.send_response(200)
        content = server.content[begin:]
        if server.says_length:
            self.send_header("Content-Length", str(len(content)))
        if server.tag:
            self.send_header("ETag", server.tag)
        self.end_headers()
        if server.drops:
            server.drops -= 1
            content = content[: server.drop_after]
        self.wfile.write(content)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(receive, "PAUSE", 0.0)
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def bring(server, tmp_path):
    def bring(**how):
        how = {"most": 1 << 20, "members": MEMBERS, "verify": True, **how}
        archive = Archive(server.url, how["members"], how["most"])
        return fetch(archive, tmp_path / "deep" / "sst", verify=how["verify"])

    return bring


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_files_wanted_are_brought_and_nothing_else_is_left(bring, tmp_path):
    folder = bring()
    assert left(folder) == ["dev.txt", "train.txt"]
    assert (folder / "train.txt").read_bytes() == TRAIN
    assert left(folder.parent) == ["sst"]


def test_what_is_there_is_not_fetched_again(bring, server):
    bring()
    bring()
    assert server.asked == [""]


def test_a_dropped_connection_is_taken_up_where_it_broke(bring, server):
    server.drops, server.drop_after = 3, 10_000
    assert (bring() / "train.txt").read_bytes() == TRAIN
    assert server.asked == ["", "bytes=10000-", "bytes=20000-", "bytes=30000-"]


def test_a_later_call_goes_on_from_what_an_earlier_one_kept(bring, server, tmp_path):
    server.drops, server.drop_after = 99, 0
    part = tmp_path / "deep" / "sst.zip.part"
    part.parent.mkdir()
    part.write_bytes(GOOD[:5000])
    with pytest.raises(
        DownloadError, match=r"ended after 5,000 of [\d,]+ bytes\. What"
    ):
        bring()
    assert part.read_bytes() == GOOD[:5000]
    server.drops = 0
    bring()
    assert set(server.asked) == {"bytes=5000-"}


def test_a_server_without_ranges_sends_all_of_it_again(bring, server):
    server.drops, server.drop_after, server.ranges = 1, 10_000, False
    bring()
    assert server.asked == ["", "bytes=10000-"]


def test_a_file_that_changed_meanwhile_is_fetched_anew(bring, server, tmp_path):
    server.drops, server.drop_after = 99, 0
    (tmp_path / "deep").mkdir()
    part = tmp_path / "deep" / "sst.zip.part"
    part.write_bytes(b"x" * 10_000)
    with pytest.raises(DownloadError):
        bring()
    server.tag, server.drops = '"v2"', 0  # what was kept is of "v1"
    bring()
    assert server.asked == ["bytes=10000-"] * 2


def test_a_part_that_is_whole_already_is_used(bring, server, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "sst.zip.part").write_bytes(GOOD)
    bring()
    assert server.asked == [f"bytes={len(GOOD)}-"]


def test_a_part_that_is_too_long_is_thrown_away(bring, server, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "sst.zip.part").write_bytes(GOOD + b"more")
    bring()
    assert server.asked == [f"bytes={len(GOOD) + 4}-", ""]


def test_a_server_may_keep_the_length_to_itself(bring, server):
    server.says_length, server.tag = False, ""
    bring()


@pytest.mark.parametrize("status", [403, 404, 503])
def test_a_refusal_is_told_with_the_way_out(bring, server, status):
    server.status = status
    with pytest.raises(DownloadError, match=rf"the server answered {status} .*Without"):
        bring()
    assert len(server.asked) == 1


def test_no_network_is_told_at_once_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(
        DownloadError, match=r"Connection refused.*Without a network"
    ) as e:
        download("sst", tmp_path / "sst", url="http://127.0.0.1:9/x.zip")
    assert f"put its train.txt, dev.txt, test.txt into {tmp_path / 'sst'}" in str(
        e.value
    )
    with pytest.raises(DownloadError, match="unknown url type"):
        download("sst", tmp_path / "sst", url="nonsense")


def test_a_host_that_is_not_known_is_told(tmp_path, monkeypatch):
    def nowhere(*args):
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    with pytest.raises(DownloadError, match=r"the host is not known \(no network\?\)"):
        download("sst", tmp_path / "sst")


def test_other_content_is_refused_and_not_kept(bring, server, tmp_path):
    other = TRAIN.replace(b"a", b"c")
    server.content = zipped({"trees/train.txt": other, "trees/dev.txt": b"(2 a)\n"})
    with pytest.raises(
        DownloadError,
        match=r"trees/train.txt from .* is not the file known: expected 4000 trees of "
        r"12000 nodes with the SHA-256 .*, found 4000 trees of 12000 nodes with",
    ):
        bring()
    assert left(tmp_path / "deep") == []
    assert (bring(verify=False) / "train.txt").read_bytes() == other


def test_lines_may_end_either_way(bring, server):
    server.content = zipped(
        {
            "trees/train.txt": TRAIN.replace(b"\n", b"\r\n"),
            "trees/dev.txt": b"(2 a)\r\n",
        }
    )
    bring()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>please log in</html>", r"no good zip archive: .*begins with b'<html>"),
        (GOOD[:-30], "no good zip archive"),
        (zipped({"other.txt": b""}), "the archive of .* has no trees/train.txt"),
        (
            zipped({"trees/train.txt": b"(2", "trees/dev.txt": b""}),
            r"found what cannot be read \(trees/train.txt:1:3: expected",
        ),
        (
            zipped({"trees/train.txt": b"(2 a)" * 10**6}, zipfile.ZIP_DEFLATED),
            "trees/train.txt in the archive of .* has more than 1,048,576 bytes",
        ),
        (b"x" * 2_000_000, "more than 1,048,576 bytes came"),
    ],
)
def test_what_is_no_such_archive_is_refused(bring, server, content, message):
    server.content = content
    with pytest.raises(DownloadError, match=message):
        bring()


def test_paths_in_the_archive_lead_nowhere(bring, server, tmp_path):
    server.content = zipped(
        {
            "../../evil.txt": b"x",
            "/evil.txt": b"x",
            "trees/train.txt": TRAIN,
            "trees/dev.txt": b"(2 a)\n",
        }
    )
    bring()
    assert {p.name for p in tmp_path.rglob("*.txt")} == {"train.txt", "dev.txt"}


def test_a_folder_in_the_way_is_left_alone(bring, tmp_path):
    folder = tmp_path / "deep" / "sst"
    folder.mkdir(parents=True)
    (folder / "train.txt").write_text("mine")
    with pytest.raises(
        DataError, match=r"is in the way: it is not empty and lacks dev"
    ):
        bring()
    assert (folder / "train.txt").read_text() == "mine"
    (folder / "train.txt").unlink()
    bring()  # an empty folder is no hindrance


def test_a_full_disk_is_told_as_such_and_not_as_the_network(bring, monkeypatch):
    def full(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        bring()


def test_no_bar_is_shown_without_a_terminal(server, tmp_path, capsys):
    archive = Archive(server.url, MEMBERS)
    fetch(archive, tmp_path / "sst", progress=True)
    assert capsys.readouterr() == ("", "")


def test_a_bar_is_shown_on_a_terminal(server, tmp_path, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    fetch(Archive(server.url, MEMBERS), tmp_path / "quiet")
    assert terminal.getvalue() == ""
    fetch(Archive(server.url, MEMBERS), tmp_path / "loud", progress=True)
    assert "data.zip: 100%" in terminal.getvalue()


def test_unknown_names_are_told():
    with pytest.raises(
        DataError, match="'ssst' cannot be downloaded; did you mean 'sst"
    ):
        download("ssst")


def test_the_treebank_itself_is_brought_where_it_is_looked_for(
    sst_folder, server, tmp_path, monkeypatch
):
    files = {}
    for split in ("train", "dev", "test"):
        data = next(sst_folder.glob(f"{split}.txt*")).read_bytes()
        zipped_twice = data.startswith(b"\x1f\x8b")
        files[f"trees/{split}.txt"] = gzip.decompress(data) if zipped_twice else data
    server.content = zipped(files, zipfile.ZIP_DEFLATED)
    monkeypatch.setenv("TREEFOLD_DATA", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = download("sst", url=server.url)
    assert folder == tmp_path / "treefold" / "sst"
    assert len(load_dataset("sst").train) == 8544
