"""The judging side measured: at the rate limit, in pairs, in CPU a call, under faults and under kill -9."""
