"""The socket plane: addresses are translated at connect(), by programs that the kernel runs."""
