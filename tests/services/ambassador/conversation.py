"""A connection of a client's app, by redis-cli."""

import subprocess

__all__ = ["Conversation"]


class Conversation:
    """A connection of the client's app that lives through the test."""

    def __init__(self, host, command):
        pipe = subprocess.PIPE
        self.process = host.popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1)
        self.id = self.ask("client id")

    def ask(self, words):
        self.process.stdin.write(f"{words}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def lives(self):
        return self.ask("client id") == self.id

    def end(self):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()
