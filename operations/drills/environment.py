"""One environment as a drill uses it: its API, its queue, and the zone of its writer."""

import json
from dataclasses import dataclass
from pathlib import Path

from operations.drills.acknowledgements import Api
from operations.drills.experiment import DrillError
from operations.stack_outputs import StackOutputs

_CERTIFICATE = "ApiCertificate"  # only where the environment signs its own


@dataclass(frozen=True, kw_only=True)
class Environment:
    outputs: StackOutputs

    @property
    def suffix(self) -> str:
        return self.outputs.suffix

    def api(self, *, folder: Path) -> Api:
        """With the first client's secret; the environment's certificate is written to `folder`."""
        secrets = self.outputs.account.client("secretsmanager")
        name = self.outputs.value("ApiCredentialsSecretName")
        client = json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
        certificate = None
        if _CERTIFICATE in self.outputs.outputs:
            certificate = folder / "certificate.pem"
            certificate.write_text(self.outputs.value(_CERTIFICATE))
        return Api(
            url=self.outputs.value("ApiUrl"),
            certificate_file=str(certificate) if certificate else None,
            client_id=client["client_id"],
            client_secret=client["client_secret"],
        )

    def send(self, message: str) -> None:
        """Put a message into the queue of transactions."""
        queue = self.outputs.value("TransactionQueueUrl")
        self.outputs.account.client("sqs").send_message(QueueUrl=queue, MessageBody=message)

    def writers_zone(self) -> str:
        """Raises DrillError while the database has no writer."""
        rds = self.outputs.account.client("rds")
        name = f"transaction-db-{self.suffix}"
        (cluster,) = rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"]
        for member in cluster.get("DBClusterMembers", []):
            if member.get("IsClusterWriter"):
                (instance,) = rds.describe_db_instances(
                    DBInstanceIdentifier=member["DBInstanceIdentifier"]
                )["DBInstances"]
                return instance["AvailabilityZone"]
        raise DrillError(f"SUFFIX={self.suffix!r}: database {name} has no writer: wait for it")
