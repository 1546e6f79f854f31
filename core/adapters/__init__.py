"""The only importers of confluent_kafka, asyncpg, aiohttp clients and openai."""
