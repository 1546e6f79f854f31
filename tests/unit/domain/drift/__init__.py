"""Tests of the drift detectors, their accounting and their verdict."""
