"""Node images: pull one, or pack one from the running installation."""
