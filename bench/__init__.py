"""Workloads that anyone can run on their own machine: `mingying bench NAME`."""
