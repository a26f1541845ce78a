"""Where jobs are carried out: behind one interface, on this machine or on a cluster."""
