"""A viewer of RFB (RFC 6143) for tests: what the server says is decoded strictly, and nothing is forgiven."""
import socket
import struct
import zlib

RAW, HEXTILE, ZRLE, DESKTOP_SIZE, EXTENDED_KEYS = 0, 5, 16, -223, -258


class Viewer:
    def __init__(self, address, version=b'RFB 003.008\n', seconds=60):
        self.socket = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        self.socket.settimeout(seconds)
        self.socket.connect(address)
        assert self.read(12) == b'RFB 003.008\n'
        self.socket.sendall(version)
        if version == b'RFB 003.003\n':
            assert self.read(4) == b'\0\0\0\1'
        else:
            assert self.read(2) == b'\1\1'
            self.socket.sendall(b'\1')
            assert version != b'RFB 003.008\n' or self.read(4) == b'\0\0\0\0'
        self.socket.sendall(b'\1')
        self.width, self.height, bits, depth, big, true = struct.unpack('>HHBBBB', self.read(8))
        assert (bits, depth, big, true) == (32, 24, 0, 1) and self.read(12) == b'\0\xff\0\xff\0\xff\x10\x08\0\0\0\0'
        self.name = self.read(struct.unpack('>I', self.read(4))[0]).decode()
        self.inflate, self.new_size, self.rectangles = zlib.decompressobj(), None, 0
        self.blank()

    def blank(self):
        self.rows = [bytearray(4 * self.width) for _ in range(self.height)]

    def read(self, n):
        got = b''
        while len(got) < n:
            more = self.socket.recv(n - len(got))
            assert more, 'the server has left'
            got += more
        return got

    def encodings(self, *which):
        self.socket.sendall(struct.pack('>BxH%di' % len(which), 2, len(which), *which))

    def request(self, incremental=False):
        self.socket.sendall(struct.pack('>BBHHHH', 3, incremental, 0, 0, self.width, self.height))

    def key(self, sym, down, xt=None):
        if xt is None:
            self.socket.sendall(struct.pack('>BBxxI', 4, down, sym))
        else:
            self.socket.sendall(struct.pack('>BBHII', 255, 0, down, sym, xt))

    def pointer(self, x, y, buttons=0):
        self.socket.sendall(struct.pack('>BBHH', 5, buttons, x, y))

    def update(self):
        """One message of rectangles; the encodings that were in it."""
        kind, n = struct.unpack('>BxH', self.read(4))
        assert kind == 0 and n
        kinds = set()
        for _ in range(n):
            x, y, w, h, encoding = struct.unpack('>HHHHi', self.read(12))
            kinds.add(encoding)
            self.rectangles += 1
            if encoding == DESKTOP_SIZE:
                self.width, self.height = w, h
                self.blank()
            elif encoding != EXTENDED_KEYS:
                assert x + w <= self.width and y + h <= self.height and w and h
                {RAW: self.raw, HEXTILE: self.hextile, ZRLE: self.zrle}[encoding](x, y, w, h)
        return kinds

    def put(self, x, y, pixels):
        self.rows[y][4 * x:4 * x + len(pixels)] = pixels

    def raw(self, x, y, w, h):
        for k in range(h):
            self.put(x, y + k, self.read(4 * w))

    def hextile(self, x0, y0, w0, h0):
        back = front = None
        for y in range(y0, y0 + h0, 16):
            for x in range(x0, x0 + w0, 16):
                w, h = min(16, x0 + w0 - x), min(16, y0 + h0 - y)
                how = self.read(1)[0]
                if how & 1:
                    self.raw(x, y, w, h)
                    continue
                back = self.read(4) if how & 2 else back
                front = self.read(4) if how & 4 else front
                for k in range(h):
                    self.put(x, y + k, back * w)
                for _ in range(self.read(1)[0] if how & 8 else 0):
                    color = self.read(4) if how & 16 else front
                    place, size = self.read(2)
                    sx, sy, sw, sh = place >> 4, place & 15, (size >> 4) + 1, (size & 15) + 1
                    assert sx + sw <= w and sy + sh <= h
                    for k in range(sh):
                        self.put(x + sx, y + sy + k, color * sw)

    def zrle(self, x0, y0, w0, h0):
        data = self.inflate.decompress(self.read(struct.unpack('>I', self.read(4))[0]))
        at = 0

        def take(n):
            nonlocal at
            at += n
            assert at <= len(data)
            return data[at - n:at]

        for y in range(y0, y0 + h0, 64):
            for x in range(x0, x0 + w0, 64):
                w, h, how = min(64, x0 + w0 - x), min(64, y0 + h0 - y), take(1)[0]
                assert how <= 16, 'runs are not sent'
                colors = [take(3) + b'\0' for _ in range(how)]
                bits = 1 if how == 2 else 2 if how <= 4 else 4
                for k in range(h):
                    if how == 0:
                        line = b''.join(take(3) + b'\0' for _ in range(w))
                    elif how == 1:
                        line = colors[0] * w
                    else:
                        packed = take((w * bits + 7) // 8)
                        line = b''.join(colors[packed[p * bits // 8] >> 8 - bits - p * bits % 8 & (1 << bits) - 1] for p in range(w))
                    self.put(x, y + k, line)
        assert at == len(data)

    def picture(self):
        """As tests read a screendump."""
        out = bytearray(3 * self.width * self.height)
        all_rows = b''.join(self.rows)
        for c in range(3):
            out[c::3] = all_rows[2 - c::4]
        return self.width, self.height, bytes(out)

    def close(self):
        self.socket.close()
