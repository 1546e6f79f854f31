"""Drift: what is stored each night, the tests on it, and the verdict over judge, engine, catalogue and traffic.

One night is `nightly.judge_night(state, ...) -> (state', alerts, accounts)`; everything else serves it.
"""
