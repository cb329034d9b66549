"""What the random code of test_matrix.py is made with, whatever the ISA."""
DATA, DATA_SIZE, COUNTER = 0x20000000, 8192, 0x1c000000


class Base:
    """Code with its resume points: where instances begin."""

    def __init__(self, isa, rng):
        self.isa, self.rng, self.code, self.resume = isa, rng, bytearray(), []

    def point(self):
        self.resume.append(len(self.code))

    def pointer(self, r):
        edge = self.rng.choice([DATA, DATA + DATA_SIZE, DATA + DATA_SIZE, DATA + DATA_SIZE // 2])
        self.load(r, edge + self.rng.choice([0, 0, 4, 8, 16, 1, 2, self.rng.randrange(128)]) * self.rng.choice([1, -1]))

    def file(self):
        self.code += bytes(-len(self.code) % 4)
        words = len(self.code) // 4 | (self.isa == 't32') << 31
        return b''.join(v.to_bytes(4, 'little') for v in [words, len(self.resume)] + self.resume) + bytes(self.code)
