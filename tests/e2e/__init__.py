"""The whole product from outside: a process of its own, real mail clients, real signals, full disks."""
