"""The translator's own counters (-d stats), which tests/real checks and tests/bench prints."""
import re


class Counters:
    """Sums over the processes of a run, from the text of -d stats."""

    def __init__(self, text):
        def total(pattern):
            return sum(int(n) for n in re.findall(pattern, text, re.M))
        self.processes = text.count("guest instructions")
        self.insns = total(r"^at most (\d+) instructions run")
        self.calls = total(r"^  \S+ (\d+) \(\d+\)$")
        self.traps = total(r"^floating-point traps (\d+)")
        self.interpreted = total(r"too complex for the emitter (\d+)$")

    def wrong(self, guest):
        """None, or what is wrong."""
        if not self.processes or not self.insns:
            return "no counters were written"
        if self.interpreted:
            return "%d instructions were interpreted" % self.interpreted
        if self.traps and guest == "riscv64":
            return "%d floating-point instructions trapped" % self.traps
        return None

    def calls_per_1000(self):
        return 1000 * self.calls / max(self.insns, 1)

    def __str__(self):
        return "%d processes, %d instructions, %.3f calls of C functions a thousand" % (
            self.processes, self.insns, self.calls_per_1000())
