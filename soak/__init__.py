"""`make soak`: the code under seeded faults of SQS, S3, DynamoDB, EventBridge and PostgreSQL."""
