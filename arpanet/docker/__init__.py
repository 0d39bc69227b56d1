"""Docker, as this project needs it: the engine, ensuring containers, following events."""
