"""A drill of the service: attacks on `carparts serve`, seeded, each of which must be answered in words; and a soak.

    python .ci/drill_service.py [--seconds 60] [--seed 0] [--run RUN] [--schemathesis 0]
    python .ci/drill_service.py --soak 30m [--seed 0] [--run RUN]

The first starts the service of the network that comes with the package (or of RUN) and sends what its list of attacks
holds, each once and then in random order with random numbers, until the time is over: HTTP that isn't quite, bodies
that never end, forms and JSON of a million pieces, options that are no numbers, pictures that unfold, crowds of slow
clients, pages of other origins. An answer is 200, or 4xx with one line; 503 says that it is busy. In between honest
requests must be answered, `/health` at once, and SIGTERM must end the service in time while pictures are worked on.
With `--schemathesis N`, and where schemathesis is installed, N cases for each operation of the OpenAPI are tried too.
The soak sends honest and hostile requests for so long and records memory, threads and open files: they may not grow.

Prints `ok NAME` or `FAILED NAME: why` a line each, and counts. Exit code 1 where one fails.
"""

import argparse
import base64
import io
import json
import os
import random
import re
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from pathlib import Path

from all_drills import told_counts

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root))
GRACE = 30  # seconds that SIGTERM may take
FORM = "multipart/form-data; boundary=B"


class Service:
    "`carparts serve` in a process of its own."

    def __init__(self, run=None, *options):
        self.log = tempfile.TemporaryFile("w+")
        command = [sys.executable, "-m", "carparts_seg", "serve", *([run] if run else []), "--port", "0", *options]
        env = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT, cwd=root, env=env)
        for _ in range(6000):
            time.sleep(0.1)
            if found := re.search(r"http://[\w.]+:(\d+) ", self.output):
                self.port = int(found[1])
                break
            assert self.process.poll() is None, self.output
        for _ in range(3000):
            try:
                return socket.create_connection(("127.0.0.1", self.port), 5).close()
            except OSError:
                time.sleep(0.1)

    @property
    def output(self):
        "What it has said."
        self.log.flush()
        return Path(f"/proc/self/fd/{self.log.fileno()}").read_text(errors="replace")

    def raw(self, data, wait=20.0, close=False):
        "Send bytes; the answer's status (None: the connection was closed) and body."
        got = b""
        with socket.create_connection(("127.0.0.1", self.port), wait) as s:
            try:
                s.sendall(data)
                if close:
                    s.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it was answered before all was sent
            try:
                while b"\r\n\r\n" not in got or len(got) < self._expected(got):
                    part = s.recv(1 << 16)
                    if not part:
                        break
                    got += part
            except ConnectionError:
                pass
        found = re.match(rb"HTTP/1\.1 (\d+)", got)
        return int(found[1]) if found else None, got.partition(b"\r\n\r\n")[2]

    @staticmethod
    def _expected(got):
        "How long an answer is."
        head, _, _ = got.partition(b"\r\n\r\n")
        found = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        return len(head) + 4 + (int(found[1]) if found and not head.startswith(b"HTTP/1.1 1") else 0)

    def ask(self, method="GET", path="/health", body=b"", wait=90.0, **headers):
        "A request as it should be."
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", f"Content-Length: {len(body)}"]
        lines += [f"{k.replace('_', '-')}: {v}" for k, v in headers.items()]
        return self.raw(
            "\r\n".join([*lines, "Connection: close", "", ""]).encode("utf-8", "surrogateescape") + body, wait
        )

    def state(self):
        "Resident megabytes, threads, open files."
        told = Path(f"/proc/{self.process.pid}/status").read_text()
        number = lambda key: int(re.search(rf"{key}:\s+(\d+)", told)[1])
        return number("VmRSS") / 1024, number("Threads"), len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self):
        "SIGTERM; exit code and the seconds that it took."
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(GRACE + 30), time.monotonic() - began
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "killed", time.monotonic() - began


def form(*parts):
    "A form of (head, content)."
    return (
        b"".join(b"--B\r\nContent-Disposition: form-data; " + h + b"\r\n\r\n" + c + b"\r\n" for h, c in parts)
        + b"--B--\r\n"
    )


def picture(data, name="a.jpg"):
    "A form with one file."
    return form((b'name="image"; filename="' + name.encode("utf-8", "surrogateescape") + b'"', data))


def drawn(size=96, kind="JPEG", color=(90, 120, 40), **options):
    "A picture."
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (size, size), color).save(out, kind, **options)
    return out.getvalue()


def chunk(kind, data=b""):
    "A piece of a PNG."
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, *more, depth=8, color=2, data=b""):
    "A PNG that says it is so large."
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + b"".join(more)
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND")
    )


def tiff(pages, *tags, size=4):
    "A TIFF of so many pages."
    known = [(256, 4, 1, size), (257, 4, 1, size), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8)]
    known += [(278, 4, 1, size), (279, 4, 1, size * size), *tags]
    head, step = struct.pack("<H", len(known)) + b"".join(struct.pack("<HHII", *t) for t in known), 6 + 12 * len(known)
    return b"II*\0\x08\0\0\0" + b"".join(
        head + struct.pack("<I", 8 + step * (i + 1) if i < pages - 1 else 0) for i in range(pages)
    )


def bombs(rng):
    "Pictures that are more than they look: name and content."
    n = rng.choice([2_000, 20_000, 150_000])
    jpeg = drawn(256, progressive=True)
    last = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    yield "a TIFF of many pages", tiff(n)
    yield "a TIFF of many tiles", tiff(1, (322, 3, 1, 1), (323, 3, 1, 1), (324, 4, 4_000_000, 8)) + bytes(1000)
    yield "a TIFF whose tags share", tiff(1, *[(40_000 + i, 7, 900_000, 8) for i in range(900)]) + bytes(900_000)
    yield "a TIFF of many tags", tiff(1, *[(1000 + i, 4, 1, 0) for i in range(rng.choice([1000, 60_000]))])
    yield "a PNG that claims gigapixels", png(60_000, 60_000)
    yield "a PNG that claims 49 megapixels", png(7000, 7000)
    yield "a PNG one pixel high", png(49_000_000, 1)
    yield "a PNG of many chunks", png(4, 4, chunk(b"teSt") * rng.choice([1000, 400_000]), data=bytes(52))
    yield (
        "a PNG of text that unfolds",
        png(4, 4, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(9_000_000))), data=bytes(52)),
    )
    yield "a JPEG of many scans", jpeg[:-2] + last * rng.choice([50, 5000]) + jpeg[-2:]
    yield "a JPEG of many segments", jpeg[:2] + b"\xff\xfe\0\2" * rng.choice([100, 500_000]) + jpeg[2:]
    yield "a picture cut short", jpeg[: rng.randrange(len(jpeg))]
    yield (
        "a BMP of many runs",
        b"BM"
        + struct.pack("<IHHI", 2078, 0, 0, 1078)
        + struct.pack("<IiiHHIIiiII", 40, 3000, 3000, 1, 8, 1, 1000, 0, 0, 256, 0)
        + bytes(1024)
        + b"\x01\0" * rng.choice([1000, 600_000]),
    )
    yield "a text PPM", b"P3 300 300 255\n" + b"#a\n" * rng.choice([10, 500_000]) + b"0 " * 270_000
    yield "a GIF of many blocks", b"GIF89a\4\0\4\0\0\0\0" + b"!\xfe\0" * rng.choice([100, 600_000]) + b";"
    yield "a PDF", b"%PDF-1.7\n" + b"1 0 obj<</Type/Page>>endobj\n" * rng.choice([1, 50_000])
    yield "a WebP cut short", drawn(64, "WEBP")[: rng.randrange(12, 60)]
    yield "bytes", rng.randbytes(rng.randrange(1, 5000))


def bodies(rng):
    "Forms and JSON: name, content type, body."
    good, many = drawn(), rng.choice([100, 100_000])
    json_type = "application/json"
    for name, data in bombs(rng):
        yield name, FORM, picture(data)
        if len(data) < 10_000:
            yield f"{name}, in JSON", json_type, json.dumps({"image": base64.b64encode(data).decode()}).encode()
    yield "a form of many parts", FORM, form(*[(b'name="a"', b"1")] * many)
    yield "a form of many files", FORM, form(*[(b'name="image"; filename="a"', b"")] * many)
    heads = b'name="image"; filename="a"' + b"".join(b"\r\nX-%d: a" % i for i in range(10_000))
    yield "a part of 10,000 headers", FORM, form((heads, good))
    yield "a part of a long header", FORM, form((b'name="image"; filename="' + b"a" * 1_000_000 + b'"', good))
    for name in (
        "../../etc/passwd",
        "a\0b.jpg",
        "\x1b[31mred\x1b[0m.jpg",
        'a"; filename="b',
        "\udcff\udcfe.jpg",
        "a\r\nSet-Cookie: a=b",
    ):
        yield f"a file named {name!a}", FORM, picture(rng.choice([good, b"x"]), name)
    yield "a form without an end", FORM, picture(good)[: -rng.randrange(1, 20)]
    yield "nothing but boundaries", FORM, b"--B\r\n" * many
    yield "no boundary", "multipart/form-data", picture(good)
    yield "a long boundary", "multipart/form-data; boundary=" + "b" * 5000, picture(good)
    yield "an odd charset", "multipart/form-data; boundary=B; charset=no-such", picture(good)
    yield "an encoded field", FORM, form((b'name="image"; filename="a"\r\nContent-Transfer-Encoding: base64', good))
    yield "deep JSON", json_type, b"[" * many
    yield "deep JSON inside", json_type, b'{"image": ' + b'{"a":' * many + b"1" + b"}" * many + b"}"
    yield "a lone surrogate", json_type, b'{"image": "\\ud800"}'
    yield "a lone surrogate in a name", json_type, b'{"\\udfff": 1, "image": ""}'
    yield "JSON twice", json_type, b'{"image": "", "image": 5}'
    yield "NaN", json_type, b'{"image": "aaaa", "threshold": NaN}'
    yield "numbers without end", json_type, b'{"image": "aaaa", "min_area": ' + b"9" * many + b"}"
    yield (
        "other JSON",
        json_type,
        rng.choice([b"", b"null", b"5", b'"a"', b"\xff\xfe", b"{}", b'{"image": []}', b"[[]]"]),
    )
    yield "another type", rng.choice(["text/plain", "image/png", "application/xml", ";;;=", "a/b;" * 50]), good


def addresses(rng):
    "Options and paths: method, address."
    good = [
        "0.5",
        "nan",
        "inf",
        "-inf",
        "1e400",
        "1e-400",
        "-1",
        "0",
        "1",
        "",
        "٣",
        "1_0",
        "0x1",
        "hood=0.5",
        "=",
        ",",
        "best",
        "%00",
    ]
    for value in good:
        yield "POST", f"/predict?threshold={value.encode().decode('latin-1') if value.isascii() else '%D9%A3'}"
        yield "POST", f"/predict?min_area={value if value.isascii() else '%D9%A3'}"
    for q in (
        "threshold=.5&threshold=.6",
        "a=" + "b" * 30_000,
        "&".join(["a=1"] * 5000),
        "format=xml",
        "%FF=%FE",
        "=&=&",
        "format=png&format=png",
    ):
        yield "POST", f"/predict?{q}"
    for path in (
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//evil.example/",
        "/docs/",
        "/\\..\\a",
        "/%00",
        "/a%0d%0aX:y",
        "/" + "a" * 40_000,
        "*",
        "http://evil.example/",
    ):
        for method in ("GET", "POST"):
            yield method, path
    for method in ("HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "PATCH", "CONNECT", "BREW", "PROPFIND"):
        for path in ("/", "/predict", "/health", "/model/score", "/openapi.json"):
            yield method, path


def raws(rng, port):
    "What isn't quite HTTP: name, bytes, whether the sender closes its side."
    host, body = f"Host: 127.0.0.1:{port}\r\n".encode(), picture(drawn())
    start = b"POST /predict HTTP/1.1\r\n" + host + b"Content-Type: " + FORM.encode() + b"\r\n"
    for length in ("-1", "1" * 30, "+5", "0x10", "5, 6", "5\r\nContent-Length: 6", "", "a", "1e3", "99999999999", "٣"):
        yield f"a length of {length[:12]!r}", start + f"Content-Length: {length}\r\n\r\n".encode() + body, True
    chunked = b"Transfer-Encoding: chunked\r\n"
    yield "a length and chunks", start + b"Content-Length: 5\r\n" + chunked + b"\r\n0\r\n\r\n", True
    yield "chunks and a length", start + chunked + b"Content-Length: 5\r\n\r\n0\r\n\r\nGET /a HTTP/1.1\r\n\r\n", True
    for size in (b"5", b"FFFFFFFFFFFFFFFFF", b"-1", b"zz", b"0x5", b"5;a=b", b"\0"):
        yield f"chunks of {size!r}", start + chunked + b"\r\n" + size + b"\r\nabcde\r\n", True
    yield "chunks twice", start + chunked * 2 + b"\r\n0\r\n\r\n", True
    yield "an odd encoding", start + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", True
    yield "an encoding with a tab", start + b"Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n", True
    yield (
        "many headers",
        b"GET /health HTTP/1.1\r\n" + host + b"".join(b"X-%d: a\r\n" % i for i in range(10_000)) + b"\r\n",
        True,
    )
    yield "a long header", b"GET /health HTTP/1.1\r\n" + host + b"X: " + b"a" * 200_000 + b"\r\n\r\n", True
    yield "a null byte", b"GET /health HTTP/1.1\r\n" + host + b"X: a\0b\r\n\r\n", True
    yield "a folded header", b"GET /health HTTP/1.1\r\n" + host + b"X: a\r\n b\r\n\r\n", True
    yield "a space before the colon", b"GET /health HTTP/1.1\r\n" + host + b"X : a\r\n\r\n", True
    yield "two hosts", b"GET /health HTTP/1.1\r\n" + host * 2 + b"\r\n", True
    yield "no host", b"GET /health HTTP/1.1\r\n\r\n", True
    yield "HTTP/1.0", b"GET /health HTTP/1.0\r\n\r\n", True
    yield "HTTP/0.9", b"GET /health\r\n\r\n", True
    yield "HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", True
    yield "TLS", b"\x16\x03\x01\x02\x00" + bytes(100) + b"\r\n\r\n", True
    yield "two at once", (b"GET /health HTTP/1.1\r\n" + host + b"\r\n") * 2, True
    yield "lines of \\n", b"GET /health HTTP/1.1\n" + host.replace(b"\r", b"") + b"\n", True
    yield "a body cut short", start + b"Content-Length: 9999\r\n\r\n" + body, True
    yield "an Expect", start + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body) + body, False
    yield "bytes", rng.randbytes(rng.randrange(1, 2000)) + b"\r\n\r\n", True
    for name in ("evil.example", "127.0.0.1.evil.example", "localhost@evil.example"):
        yield f"a Host of {name}", f"GET / HTTP/1.1\r\nHost: {name}\r\n\r\n".encode(), True
    yield "an Origin", start + b"Origin: http://evil.example\r\nContent-Length: %d\r\n\r\n" % len(body) + body, False


def attacks(service, rng):
    "Pairs of a name and what sends it, with the statuses that it may have."
    for name, kind, body in bodies(rng):
        yield name, lambda k=kind, b=body: service.ask("POST", "/predict", b, Content_Type=k)
        if kind == "application/json":
            yield f"score, {name}", lambda k=kind, b=body: service.ask("POST", "/model/score", b, Content_Type=k)
    good = picture(drawn())
    for method, path in addresses(rng):
        yield (
            f"{method} {path[:40]}",
            lambda m=method, p=path: service.ask(m, p, good if m == "POST" else b"", Content_Type=FORM),
        )
    for name, data, close in raws(rng, service.port):
        yield name, lambda d=data, c=close: service.raw(d, close=c)


def wrong(name, status, body):
    "What is wrong with an answer, or None."
    if status is None:
        return None  # closed: it was no HTTP, or its sender had gone
    if status >= 500 and status != 503:
        return f"{status} {body[:200]!r}"
    if b"Traceback" in body or b"/carparts_seg/" in body or b"\x1b" in body:
        return f"the answer shows the inside: {body[:200]!r}"
    if status >= 400 and body and b"Invalid HTTP request received." not in body[:60]:  # uvicorn's own
        try:
            line = json.loads(body.split(b"HTTP/1.1")[0])["detail"]
        except (ValueError, KeyError, TypeError):
            return f"{status} without words: {body[:200]!r}"
        if not isinstance(line, str) or not 5 < len(line) <= 400 or "\n" in line:
            return f"{status} in odd words: {line!r}"
    return None


def honest(service, slowest):
    "One request as it should be, and `/health`, whose seconds are noted; what is wrong, or None."
    began = time.monotonic()
    status, _ = service.ask(wait=30)
    slowest.append(time.monotonic() - began)
    got, body = service.ask("POST", "/predict", picture(drawn()), Content_Type=FORM)
    return None if (status, got) == (200, 200) else f"honest requests are answered {status} and {got}, {body[:200]!r}"


def crowd(service, n=500):
    "Slow clients by the hundred: honest requests are answered nevertheless."
    lines = [
        "POST /predict HTTP/1.1",
        f"Host: 127.0.0.1:{service.port}",
        f"Content-Type: {FORM}",
        "Content-Length: 1000000",
    ]
    head = "\r\n".join([*lines, "", "--B", ""])
    slow, statuses = [], []
    for i in range(n):
        slow.append(socket.create_connection(("127.0.0.1", service.port), 10))
        slow[-1].sendall(head.encode())
        if i % 100 == 99:
            statuses += [service.ask("POST", "/predict", picture(drawn()), Content_Type=FORM)[0], service.ask()[0]]
            for s in slow:
                try:
                    s.sendall(b"x")
                except OSError:
                    pass
    for s in slow:
        s.close()
    assert set(statuses) == {200}, statuses
    return f"{n} slow clients, {len(statuses)} honest requests among them answered"


def idle(service, n=1200):
    "Connections that say nothing: they refuse nobody."
    import resource

    n = min(n, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 100)
    open_ones = [socket.create_connection(("127.0.0.1", service.port), 10) for _ in range(n)]
    status = service.ask()[0], service.ask("POST", "/predict", picture(drawn()), Content_Type=FORM)[0]
    for s in open_ones:
        s.close()
    assert status == (200, 200), status
    return f"{n} idle connections"


def budget(service):
    "32 pictures of 49 megapixels in one request are refused with the number."
    one = png(7000, 7000, data=bytes(1000))
    status, body = service.ask(
        "POST", "/predict", form(*[(b'name="image"; filename="a"', one)] * 32), Content_Type=FORM
    )
    assert status == 413 and b"1,568,000,000 pixels in all; the limit of a request is 100,000,000" in body, (
        status,
        body,
    )
    return "told with numbers"


def last_words(service):
    "SIGTERM while pictures are worked on: those who wait are answered, and it ends in time, with exit code 0."
    large, statuses = picture(drawn(5000, "PNG", compress_level=1)), []
    asks = [
        threading.Thread(target=lambda: statuses.append(service.ask("POST", "/predict", large, Content_Type=FORM)[0]))
        for _ in range(6)
    ]
    for t in asks:
        t.start()
    time.sleep(2)
    code, seconds = service.stop()
    for t in asks:
        t.join(60)
    assert code == 0 and seconds < GRACE, f"exit code {code} after {seconds:.0f} s"
    assert set(statuses) <= {200, 503, None}, statuses
    return f"ended after {seconds:.1f} s, answers {sorted(map(str, statuses))}"


def schema_cases(service, n, seed):
    "Cases that schemathesis makes of the OpenAPI."
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{service.port}/openapi.json"]
    command += ["--max-examples", str(n), "--seed", str(seed), "--no-color", "--checks", "all"]
    command += ["--exclude-checks", "positive_data_acceptance"]  # no schema tells a picture from other bytes
    done = subprocess.run(command, capture_output=True, text=True, cwd=tempfile.gettempdir())  # it leaves a folder
    told = (done.stdout + done.stderr).strip()
    (Path(tempfile.gettempdir()) / "drill_service.schemathesis").write_text(told)
    counted = re.search(r"(\d[\d,]*) generated.*", told)
    assert done.returncode == 0, told[-1500:]
    return counted[0] if counted else told[-200:]


def report(name, f, *args):
    "Run one check, print its line; whether it holds."
    try:
        print(f"ok {name}: {f(*args)}", flush=True)
    except Exception as e:
        print(f"FAILED {name}: {type(e).__name__}: {e}", flush=True)
        return False
    return True


def storm(service, seconds, rng):
    "Attacks until the time is over, each kind at least once."
    end, tried, closed, statuses, slowest, kinds = time.monotonic() + seconds, 0, 0, {}, [], set()
    while True:
        some = list(attacks(service, rng))
        if tried:
            rng.shuffle(some)
        for name, send in some:
            try:
                status, body = send()
            except TimeoutError:
                raise AssertionError(f"{name}: no answer in time") from None
            kinds.add(name)
            tried, closed = tried + 1, closed + (status is None)
            statuses[status] = statuses.get(status, 0) + 1
            if why := wrong(name, status, body):
                raise AssertionError(f"{name}: {why}")
            if tried % 50 == 0 and (why := honest(service, slowest)):
                raise AssertionError(f"after {name}: {why}")
            assert service.process.poll() is None, f"{name} ended the service: {service.output[-300:]}"
            if tried > len(some) and time.monotonic() > end:
                told = service.output
                assert "Traceback" not in told and "\x1b" not in told, told[-1000:]
                counts = ", ".join(f"{n} x {s or 'closed'}" for s, n in sorted(statuses.items(), key=str))
                health = (
                    f"/health in {statistics.median(slowest):.3f} s, at worst {max(slowest):.3f} s" if slowest else ""
                )
                fine = statuses.get(200, 0)
                print(told_counts("attacks on the service", tried, tried - fine))  # what isn't so ends the drill
                return f"{tried} attacks of {len(kinds)} kinds: {counts}; {health}"


def soak(service, seconds, rng, pause):
    "Mixed load for so long; memory, threads and open files may not grow."
    end, begun, states, tried, fine, next_look = time.monotonic() + seconds, time.monotonic(), [], 0, 0, 0.0
    good = [picture(drawn(s, k)) for s in (64, 300, 900) for k in ("JPEG", "PNG", "WEBP")]
    while time.monotonic() < end:
        for name, send in rng.sample(list(attacks(service, rng)), 20):
            answer = send()
            if why := wrong(name, *answer):
                raise AssertionError(f"{name}: {why}")
            path = "/predict" + rng.choice(["", "?format=png", "?format=overlay"])
            status, _ = service.ask("POST", path, rng.choice(good), Content_Type=FORM)
            assert status == 200, f"after {name}: {status}"
            tried, fine = tried + 2, fine + 1 + (answer[0] == 200)
            time.sleep(pause)
            if time.monotonic() > next_look:
                states.append(service.state())
                next_look = time.monotonic() + max(1, seconds / 200)
    quarter = max(1, len(states) // 4)
    before, after = (
        [statistics.median(s[k] for s in part) for k in range(3)]
        for part in (states[quarter : 2 * quarter], states[-quarter:])
    )
    told = ", ".join(f"{b:.0f} -> {a:.0f} {what}" for b, a, what in zip(before, after, ("MB", "threads", "open files")))
    assert after[0] < 1.1 * before[0] + 20 and after[1] <= before[1] + 2 and after[2] <= before[2] + 5, (
        f"it grows: {told}"
    )
    print(told_counts("requests of a soak", tried, tried - fine))
    return f"{(time.monotonic() - begun) / 60:.1f} minutes, {tried} requests, {told} (second and last quarter)"


def duration(text):
    "Seconds, from 90, 90s, 30m or 1h."
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r}: expected seconds, or a number with s, m or h")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seconds", type=duration, default=60, help="how long to attack, at least once each (default: 60)")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--run", help="what to serve (default: the network that comes with the package)")
    p.add_argument("--soak", type=duration, metavar="TIME", help="mixed load for so long instead, such as 30m")
    p.add_argument("--pause", type=float, default=0, help="seconds between two requests of the soak (default: none)")
    p.add_argument("--schemathesis", type=int, default=0, metavar="N", help="cases for each operation (default: none)")
    a = p.parse_args()
    rng, service = random.Random(a.seed), Service(a.run)
    try:
        if a.soak:
            held = [report("soak", soak, service, a.soak, rng, a.pause)]
        else:
            held = [report("attacks", storm, service, a.seconds, rng)]
            held += [report(f.__name__, f, service) for f in (crowd, idle, budget)]
            if a.schemathesis:
                held.append(report("schemathesis", schema_cases, service, a.schemathesis, a.seed))
        held.append(report("SIGTERM", last_words, service))
    finally:
        if service.process.poll() is None:
            service.process.kill()
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
