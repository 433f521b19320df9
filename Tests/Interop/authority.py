#!/usr/bin/env python3
"""A time stamp authority for tests (RFC 3161), by OpenSSL: makes its keys in a folder, and answers on a port of its own.

  authority.py FOLDER          writes FOLDER/ca.pem, FOLDER/stranger.pem, and FOLDER/url once it listens
"""
import http.server
import os
import subprocess
import sys

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
CONFIGURATION = f"""[req]
distinguished_name = dn
prompt = no
[dn]
CN = test authority
[tsa_cert]
extendedKeyUsage = critical,timeStamping
[ca_cert]
basicConstraints = critical,CA:TRUE
[tsa1]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_chain = no
crypto_device = builtin
"""


def path(name):
    return os.path.join(folder, name)


def openssl(*arguments):
    return subprocess.run(("openssl",) + arguments, check=True, capture_output=True).stdout


with open(path("openssl.cnf"), "w") as file:
    file.write(CONFIGURATION)
with open(path("serial"), "w") as file:
    file.write("01\n")
new = ("-newkey", "rsa:2048", "-nodes", "-config", path("openssl.cnf"))
for name in ("ca", "stranger"):
    openssl("req", "-x509", *new, "-extensions", "ca_cert", "-days", "2", "-keyout", path(name + ".key"), "-out", path(name + ".pem"))
openssl("req", "-new", *new, "-keyout", path("tsa.key"), "-out", path("tsa.csr"))
openssl(
    "x509", "-req", "-in", path("tsa.csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-CAcreateserial", "-days", "2",
    "-extfile", path("openssl.cnf"), "-extensions", "tsa_cert", "-out", path("tsa.pem"),
)


class Authority(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        query = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/broken" or self.headers["Content-Type"] != "application/timestamp-query":
            self.send_error(500)
            return
        with open(path("query.tsq"), "wb") as file:
            file.write(query)
        answer = openssl("ts", "-reply", "-config", path("openssl.cnf"), "-section", "tsa1", "-queryfile", path("query.tsq"))
        if self.path == "/replay" and os.path.exists(path("kept.tsr")):
            answer = open(path("kept.tsr"), "rb").read()
        else:
            with open(path("kept.tsr"), "wb") as file:
                file.write(answer)
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Authority)
with open(path("url.new"), "w") as file:
    file.write(f"http://127.0.0.1:{server.server_port}")
os.rename(path("url.new"), path("url"))
server.serve_forever()
