"""Who is let into the cluster: its CA, certificates, join tokens, enrolment."""
