"""The far side of every port, on CPython: real HTTP applications, real signatures, stores in memory."""
