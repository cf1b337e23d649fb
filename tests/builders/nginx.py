"""A real nginx with the shipped configuration, on free ports, with a certificate of its own making."""

import datetime
import os
import shutil
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.builders.servers import free_port, running

SHIPPED = Path(__file__).parents[2] / "deploy" / "nginx" / "mingying.conf"


@dataclass(frozen=True)
class Nginx:
    """A running proxy."""

    folder: Path
    http_port: int
    https_port: int

    @property
    def base_url(self) -> str:
        return f"https://localhost:{self.https_port}"

    @property
    def trust(self) -> ssl.SSLContext:
        """Trust in this certificate alone."""
        return ssl.create_default_context(cafile=self.folder / "fullchain.pem")

    def log(self, kind: str) -> str:
        """Return the `access` or `error` log, or what nginx itself said (`own`)."""
        return (self.folder / f"{kind}.log").read_text()


@contextmanager
def nginx_before(port: int, folder: Path) -> Iterator[Nginx]:
    """Run nginx before a service until the block ends; skips where nginx is not installed."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("nginx is not installed (Debian: apt-get install nginx-light)")
    http, https = free_port(), free_port()
    folder.mkdir()
    _certificate(folder)
    (folder / "mingying.conf").write_text(_adapted(folder, port, http, https), encoding="utf-8")
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""  # its workers would not be let into this folder
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\nerror_log {folder}/own.log warn;\n"
        f"events {{ worker_connections 256; }}\nhttp {{\n{temporary}include {folder}/mingying.conf;\n}}\n"
    )
    command: list[str | Path] = [program, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "own.log"]
    with running(command, port=https, log=folder / "start.log"):
        yield Nginx(folder, http, https)


def _adapted(folder: Path, port: int, http: int, https: int) -> str:
    text = SHIPPED.read_text(encoding="utf-8")
    for shipped, here in {
        "server 127.0.0.1:8080;": f"server 127.0.0.1:{port};",
        "listen 80;": f"listen 127.0.0.1:{http};",
        "listen [::]:80;": "",
        "listen 443 ssl": f"listen 127.0.0.1:{https} ssl",
        "listen [::]:443 ssl http2;": "",
        "https://$server_name$request_uri": f"https://$server_name:{https}$request_uri",
        "<imaging.hospital.example>": "localhost",
        "</etc/ssl/mingying/fullchain.pem>": f"{folder}/fullchain.pem",
        "</etc/ssl/mingying/privkey.pem>": f"{folder}/privkey.pem",
        "/var/log/nginx/mingying.": f"{folder}/",
    }.items():
        assert shipped in text, shipped
        text = text.replace(shipped, here)
    return text


def _certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "privkey.pem").write_bytes(pem)
