"""What the tests of a plugin need: records, and an arpanet without Docker, etcd or a second host.

The fixtures in :mod:`arpanet.testing.fixtures` are there wherever arpanet is installed and pytest
runs; the contract of a registry is in :mod:`arpanet.testing.registry`, that of a vault in
:mod:`arpanet.testing.vault`. Needs pytest, and is imported by nothing outside of tests.
``__init__.pyi`` lists the names, loaded when first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
