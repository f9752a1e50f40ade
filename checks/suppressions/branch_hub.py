"""What cdk-nag and checkov find in the branch hub and we leave as it is, each with the reason."""

from typing import Final

from checks.suppressions.environment import Suppression

_INTAKE: Final = "BranchHub/Intake/Intake/Function"
# Called by machines and rules of ours alone.
_INNER_FUNCTIONS: Final = (
    "BranchHub/Lifecycle/Lifecycle/Function",
    "BranchHub/Teardown/Teardown/Function",
    "BranchHub/Reconciler/Reconciler/Function",
    "BranchHub/PipelineRetry/Retry/Function",
)
_FUNCTIONS: Final = (_INTAKE, *_INNER_FUNCTIONS)
_CREATE_ROLE: Final = "BranchHub/Create/Create/Role"
_DESTROY_ROLE: Final = "BranchHub/Destroy/Destroy/Role"
_LIFECYCLE_ROLE: Final = "BranchHub/Lifecycle/Lifecycle/Role"
_TEARDOWN_ROLE: Final = "BranchHub/Teardown/Teardown/Role"
_RECONCILER_ROLE: Final = "BranchHub/Reconciler/Reconciler/Role"
_RETRY_ROLE: Final = "BranchHub/PipelineRetry/Retry/Role"

HUB: Final = (
    # Branches come and go: a resource is told by how it is named.
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_LIFECYCLE_ROLE, _TEARDOWN_ROLE),
        details=(
            r"Resource::arn:aws:cloudformation:.*:stack/(DeliveryPipeline|transaction)"
            r"-\*-\?{6}/\*",
        ),
        reason="S8: stacks of branches, which end in a hyphen and six characters, as neither "
        "staging nor production does.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_TEARDOWN_ROLE,),
        details=(
            r"Resource::arn:aws:(codepipeline|ecs|kms|rds|secretsmanager):.*",
            r"Resource::arn:aws:dynamodb:.*:table/\*-\?{6}",
            r"Resource::arn:aws:ec2:.*:network-interface/\*",
            r"Resource::arn:aws:logs:.*:log-group:.*",
            r"Resource::arn:aws:s3:::transaction-\*-.*-\*-\?{6}(/\*)?",
            r"Resource::arn:aws:cloudformation:.*:stack/\*/\*",
            r"Resource::\*",
        ),
        reason="B3: it unmakes what belongs to a branch and looks for what is left. What deletes "
        "is for names that end like a branch's, or for tags; what lists can be told no name. "
        "tests/branch_hub/infrastructure/test_teardown_reach.py asks the policy what it may reach.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_RETRY_ROLE,),
        details=(r"Resource::arn:aws:codepipeline:.*:transaction-pipeline-\*(/\*)?",),
        reason="It retries stages of any branch's pipeline, and nothing else.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_LIFECYCLE_ROLE, _RECONCILER_ROLE),
        details=(r"Resource::arn:aws:states:.*:execution:branch-(create|destroy)-hub-\w+:\*",),
        reason="It looks at executions of the hub's own two machines; their names come with them.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_CREATE_ROLE, _DESTROY_ROLE),
        details=(r"Resource::<(Lifecycle|Teardown)\w+\.Arn>:\*",),
        reason="CDK's grant to call a function: any version of the one.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_CREATE_ROLE, _DESTROY_ROLE, _RECONCILER_ROLE),
        details=(r"Resource::\*",),
        reason="AWS knows no narrower resource for delivering logs and traces of a machine, and "
        "for listing stacks.",
    ),
    # Functions
    Suppression(
        rules=("CKV_AWS_117",),
        where=_FUNCTIONS,
        reason="They call AWS and the git host alone, a few times for each push. In a network they "
        "could reach what they must not.",
    ),
    Suppression(
        rules=("CKV_AWS_115",),
        where=_INNER_FUNCTIONS,
        reason="Nobody outside can call them; a reservation would take from every environment.",
    ),
    Suppression(
        rules=("CKV_AWS_116", "Serverless-LambdaDLQ"),
        where=_FUNCTIONS,
        reason="State machines wait for their answer and handle its failure. An event that is lost "
        "on the way is made up for: GitHub shows it red and sends it again, the reconciler finds "
        "within the hour what was missed.",
    ),
    Suppression(
        rules=("Serverless-LambdaTracing",),
        where=_FUNCTIONS,
        reason="Each is one step of a machine that is traced and logged, or answers one request.",
    ),
    Suppression(
        rules=("CKV_AWS_258",),
        where=(f"{_INTAKE}/FunctionUrl",),
        reason="GitHub cannot sign requests as AWS does. It signs their bodies, and what is not "
        "signed is answered with 401 before anything is read.",
    ),
    # The rest
    Suppression(
        rules=("AwsSolutions-DDB3", "CKV_AWS_28"),
        where=("BranchHub/Registry/Table",),
        reason="It says what branches and stacks are, and the reconciler finds that out without it "
        "every hour: a table of yesterday would be wrong. Deleted with recovery on, it would leave "
        "a backup for 35 days (S62).",
    ),
    Suppression(
        rules=("AwsSolutions-SMG4",),
        where=("BranchHub/HostSecret/Secret",),
        reason="A person copies it to the git host (docs/aws.md): turned over by itself, every "
        "webhook would be refused from that moment on.",
    ),
    Suppression(
        rules=("Serverless-SNSRedrivePolicy",),
        where=("BranchHub/Notices/Topic",),
        reason="A mail that is not delivered is of no use later: the machines keep their history, "
        "`make reconcile` shows what stands.",
    ),
    Suppression(
        rules=("AwsSolutions-SQS3", "Serverless-SQSRedrivePolicy"),
        where=("BranchHub/Events/DeadLetters",),
        reason="It is itself where events go that could not be delivered, and has an alarm.",
    ),
)
