"""A stack with data in every kind of resource that must outlive the server."""

from typing import Any

from tests.local_cloud.emulator.stack import template

# GET lists what was posted, POST keeps the body: load balancer, task, database.
PROGRAM = """
import http.server, os, socketserver, ssl
import pg8000.dbapi

class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

def ask(text, *values):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = pg8000.dbapi.connect(
        "root", host=os.environ["HOST"], port=int(os.environ["PORT"]),
        password=os.environ["PASSWORD"], database="books", ssl_context=context, timeout=60,
    )
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE IF NOT EXISTS kept (n text)")
    cursor.execute(text, values)
    rows = cursor.fetchall() if cursor.description else []
    connection.commit()
    connection.close()
    return rows

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        ask("INSERT INTO kept VALUES (%s)", body)
        self.answer("kept")
    def do_GET(self):
        rows = ask("SELECT n FROM kept ORDER BY n")
        self.answer(" ".join(row[0] for row in rows))
    def answer(self, text):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())
    def log_message(self, *_):
        print(self.requestline, flush=True)

Server((os.environ["BIND_ADDRESS"], 8080), Handler).serve_forever()
"""

FUNCTION = """
import boto3
s3 = boto3.client("s3")
def handler(event, context):
    for record in event["Records"]:
        s3.put_object(
            Bucket="state-audit", Key=record["body"], Body=record["messageId"].encode()
        )
"""

MACHINE = (
    """{"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 6000, "End": true}}}"""
)


def stateful_template(certificate_arn: str) -> dict[str, Any]:
    """The stack of the emulator's tests, with a database behind its service, and the rest."""
    whole = template(certificate_arn, who="state", tasks_max=4)
    resources = whole["Resources"]
    container = resources["Task"]["Properties"]["ContainerDefinitions"][0]
    container["Environment"] = [
        {"Name": "HOST", "Value": {"Fn::GetAtt": ["Cluster", "Endpoint.Address"]}},
        {"Name": "PORT", "Value": {"Fn::GetAtt": ["Cluster", "Endpoint.Port"]}},
    ]
    container["LogConfiguration"] = {
        "LogDriver": "awslogs",
        "Options": {
            "awslogs-group": {"Ref": "Logs"},
            "awslogs-stream-prefix": "app",
            "awslogs-region": "us-east-1",
        },
    }
    resources["Service"]["DependsOn"] += ["Writer", "Reader"]
    resources |= {
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "state"}},
        "Waiting": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "state-waiting"}},
        "Handled": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "state-handled"}},
        "Audit": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "BucketName": "state-audit",
                "VersioningConfiguration": {"Status": "Enabled"},
            },
        },
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"RoleName": "state", "AssumeRolePolicyDocument": {"Statement": []}},
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": "state-handler",
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": FUNCTION},
            },
        },
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "FunctionName": {"Ref": "Function"},
                "EventSourceArn": {"Fn::GetAtt": ["Handled", "Arn"]},
                "BatchSize": 10,
            },
        },
        "Sessions": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "TableName": "state-sessions",
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            },
        },
        "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "StateMachineName": "state-machine",
                "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                "DefinitionString": MACHINE,
            },
        },
        "Nightly": {
            "Type": "AWS::Events::Rule",
            "Properties": {"Name": "state-nightly", "ScheduleExpression": "rate(1 day)"},
        },
    }
    return whole
