"""The translator's own counters (-d stats), which tests/real checks and tests/bench prints."""
import re


class Counters:
    """Sums over the processes of a run, from the text of -d stats."""

    def __init__(self, text):
        def total(pattern):
            return sum(int(n) for n in re.findall(pattern, text, re.M))
        self.processes = text.count("guest instructions")
        self.insns = total(r"^at most (\d+) instructions run")
        self.by_name = {}
        for name, n in re.findall(r"^  (\S+) (\d+) \(\d+\)$", text, re.M):
            self.by_name[name] = self.by_name.get(name, 0) + int(n)
        self.calls = sum(self.by_name.values())
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

    def add(self, other):
        """The sums of both."""
        for name, n in other.by_name.items():
            self.by_name[name] = self.by_name.get(name, 0) + n
        self.processes += other.processes
        self.insns += other.insns
        self.calls += other.calls

    def ranked(self, least=0.1):
        """What C functions executed, the most frequent first: calls for 100,000 instructions."""
        rates = sorted(((100000 * n / max(self.insns, 1), name) for name, n in self.by_name.items()), reverse=True)
        return ", ".join("%s %.*f" % (name, 0 if rate >= 10 else 1, rate) for rate, name in rates if rate >= least)

    def __str__(self):
        return "%d processes, %d instructions, %.3f calls of C functions a thousand" % (
            self.processes, self.insns, self.calls_per_1000())
