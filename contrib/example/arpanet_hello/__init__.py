"""An example plugin: a journal of the containers of a host and the services of the arpanet."""
