"""The real code under seeded faults of SQS, S3, DynamoDB and PostgreSQL: `make soak`."""
