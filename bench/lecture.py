#!/usr/bin/python3
"""lecture.py fork|gevent FOLDER - a small file server of the kind that lectures show, for
bench/models to measure.  fork: socketserver with a process for each connection; gevent: a
StreamServer with a coroutine for each.  Both run the same conversation:

    L            the number of names, a line for each
    G NAME       the size, and so many bytes; -1 where there is no such file
    P NAME SIZE  and so many bytes: 0 once they are in the file
    Q            the end

Prints "port N".  It checks no names and knows no limits: never serve anything with it."""

import os
import shutil
import socketserver
import sys


def converse(reader, writer, folder):
    for line in reader:
        word = line.split()
        if word[:1] == [b"L"]:
            names = sorted(os.listdir(folder))
            writer.write(b"%d\n" % len(names) + b"".join(os.fsencode(n) + b"\n" for n in names))
        elif word[:1] == [b"G"] and len(word) == 2:
            give(writer, os.path.join(os.fsencode(folder), word[1]))
        elif word[:1] == [b"P"] and len(word) == 3:
            take(reader, os.path.join(os.fsencode(folder), word[1]), int(word[2]))
            writer.write(b"0\n")
        else:
            break
        writer.flush()


def give(writer, name):
    try:
        file = open(name, "rb")
    except OSError:
        writer.write(b"-1\n")
        return
    with file:
        writer.write(b"%d\n" % os.fstat(file.fileno()).st_size)
        shutil.copyfileobj(file, writer)


def take(reader, name, left):
    with open(name, "wb") as file:
        while left > 0 and (data := reader.read(min(left, 65536))):
            file.write(data)
            left -= len(data)


class Handler(socketserver.StreamRequestHandler):
    wbufsize = 65536
    disable_nagle_algorithm = True

    def handle(self):
        try:
            converse(self.rfile, self.wfile, self.server.folder)
        except OSError:
            pass  # the client has gone


class ForkingServer(socketserver.ForkingMixIn, socketserver.TCPServer):
    # Their defaults of 40 and 5 would end the comparison at 40 clients.
    max_children = 4000
    request_queue_size = 4096


def serve_forking(folder):
    with ForkingServer(("127.0.0.1", 0), Handler) as server:
        server.folder = folder
        print("port", server.server_address[1], flush=True)
        server.serve_forever()


def serve_gevent(folder):
    from gevent import monkey
    monkey.patch_all()
    from gevent.server import StreamServer

    def handle(sock, _address):
        try:
            with sock.makefile("rwb", 65536) as file:
                converse(file, file, folder)
        except OSError:
            pass

    server = StreamServer(("127.0.0.1", 0), handle, backlog=4096)
    server.start()
    print("port", server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    {"fork": serve_forking, "gevent": serve_gevent}[sys.argv[1]](sys.argv[2])
