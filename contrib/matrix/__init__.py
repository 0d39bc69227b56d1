"""The tests on the etcd and Docker of other releases of this distribution; see README.md there."""
