"""Accepted findings of the scanners in the branch hub, each with the reason."""

from typing import Final

from checks.suppressions.suppression import Suppression, on

_INTAKE: Final = "BranchHub/Intake/Intake/Function"
# Only our own machines and rules call these.
_INNER_FUNCTIONS: Final = (
    "BranchHub/Lifecycle/Lifecycle/Function",
    "BranchHub/Teardown/Teardown/Function",
    "BranchHub/Reconciler/Reconciler/Function",
    "BranchHub/PipelineRetry/Retry/Function",
    "BranchHub/Assets/Collector/Function",
    "BranchHub/SleepSteps/SleepSteps/Function",
    "BranchHub/SleepScheduler/Function/Function",
)
_FUNCTIONS: Final = (_INTAKE, *_INNER_FUNCTIONS)
_CREATE_ROLE: Final = "BranchHub/Create/Create/Role"
_DESTROY_ROLE: Final = "BranchHub/Destroy/Destroy/Role"
_SLEEP_MACHINES: Final = ("BranchHub/Sleep/Machine/Role", "BranchHub/Wake/Machine/Role")
_SLEEP_ROLE: Final = "BranchHub/SleepSteps/SleepSteps/Role"
_LIFECYCLE_ROLE: Final = "BranchHub/Lifecycle/Lifecycle/Role"
_TEARDOWN_ROLE: Final = "BranchHub/Teardown/Teardown/Role"
_RECONCILER_ROLE: Final = "BranchHub/Reconciler/Reconciler/Role"
_COLLECTOR_ROLE: Final = "BranchHub/Assets/Collector/Role"
_RETRY_ROLE: Final = "BranchHub/PipelineRetry/Retry/Role"

# The name of a branch's resource: any text, a hyphen and the six characters of its hash.
_OF_A_BRANCH: Final = r"\*-\?{6}"
_STACKS: Final = rf"arn:.*:stack/(DeliveryPipeline|FaultInjection|transaction)-{_OF_A_BRANCH}/\*"

_BRANCH_ROLES: Final = "BranchHub/BranchRoles"

HUB: Final = (
    # What branches may do: tests/branch_hub/infrastructure/test_branch_boundary.py evaluates it.
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(f"{_BRANCH_ROLES}/Boundary",),
        details=(
            r"[a-z0-9-]+:\S* on \*",
            r"(iam|sts):\w+\*? on .*:role/(branch-roles-hub-\w+|aws-service-role)/\*",
        ),
        reason="B12: a permissions boundary is the most that a role may do. Its denials except the "
        "trunk, its environments and the hub from every permission.",
    ),
    Suppression(
        rules=("CKV_AWS_109", "CKV_AWS_111"),
        where=(f"{_BRANCH_ROLES}/Boundary",),
        reason="B12: the same. Roles that a branch creates have this boundary, too.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(f"{_BRANCH_ROLES}/DeployRole",),
        details=(
            *on(
                _STACKS,
                "cloudformation:ContinueUpdateRollback",
                "cloudformation:CreateChangeSet",
                "cloudformation:CreateStack",
                "cloudformation:DeleteChangeSet",
                "cloudformation:DeleteStack",
                "cloudformation:ExecuteChangeSet",
                "cloudformation:RollbackStack",
                "cloudformation:UpdateStack",
            ),
            *on(r"arn:aws:s3:::cdk-.*/branch-files-hub-\w+/\*", "s3:GetObject"),
        ),
        reason="B12: stacks of branches and their templates, which no other role may deploy.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(f"{_BRANCH_ROLES}/DeployRole",),
        details=on(
            r"\*",
            "cloudformation:DescribeChangeSet",
            "cloudformation:DescribeEvents",
            "cloudformation:DescribeStackEvents",
            "cloudformation:DescribeStackResources",
            "cloudformation:DescribeStacks",
            "cloudformation:GetTemplate",
            "cloudformation:GetTemplateSummary",
            "cloudformation:ListStackResources",
            "cloudformation:ValidateTemplate",
        ),
        reason="The CDK CLI also looks at stacks that do not exist yet, and at the bootstrap's.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(f"{_BRANCH_ROLES}/Assets/FileRole",),
        details=on(
            r"arn:aws:s3:::cdk-.*/branch-files-hub-\w+/\*",
            "s3:AbortMultipartUpload",
            "s3:GetObject",
            "s3:PutObject",
        ),
        reason="The name of an asset is a hash. The prefix is that of branches.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(f"{_BRANCH_ROLES}/Assets/ImageRole",),
        details=on(r"\*", "ecr:GetAuthorizationToken"),
        reason="AWS knows no narrower resource for logging in to a registry.",
    ),
    # Branches are created and deleted: a role is limited to the names of their resources.
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_LIFECYCLE_ROLE,),
        details=(
            *on(_STACKS, "cloudformation:DescribeStacks"),
            *on(
                rf"arn:.*:transaction-pipeline-{_OF_A_BRANCH}",
                "codepipeline:ListPipelineExecutions",
            ),
        ),
        reason="S8: stacks of branches, which end in a hyphen and six characters, as neither "
        "staging nor production does.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_TEARDOWN_ROLE,),
        details=(
            *on(_STACKS, "cloudformation:DeleteStack", "cloudformation:ListStackResources"),
            *on(
                rf"arn:.*:transaction-pipeline-{_OF_A_BRANCH}", "codepipeline:StopPipelineExecution"
            ),
            *on(rf"arn:.*:log-group:/.*-{_OF_A_BRANCH}(/\*)?:\*", "logs:DeleteLogGroup"),
            *on(rf"arn:.*:cluster-snapshot:{_OF_A_BRANCH}", "rds:DeleteDBClusterSnapshot"),
            *on(
                rf"arn:.*:task-definition/transaction-{_OF_A_BRANCH}:\*",
                "ecs:DeleteTaskDefinitions",
            ),
            *on(
                rf"arn:aws:s3:::transaction-\*-.*-{_OF_A_BRANCH}",
                "s3:DeleteBucketPolicy",
                "s3:ListBucketMultipartUploads",
                "s3:ListBucketVersions",
            ),
            *on(
                rf"arn:aws:s3:::transaction-\*-.*-{_OF_A_BRANCH}/\*",
                "s3:AbortMultipartUpload",
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
            ),
        ),
        reason="B3: it deletes what has the name of a branch's resource. What it may reach is "
        "evaluated in tests/branch_hub/infrastructure/test_teardown_reach.py.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_TEARDOWN_ROLE,),
        details=on(r"arn:.*:network-interface/\*", "ec2:DeleteNetworkInterface"),
        reason="An interface has no name. AWS refuses to delete one that is in use.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_TEARDOWN_ROLE,),
        details=(
            *on(rf"arn:.*:table/{_OF_A_BRANCH}", "dynamodb:DescribeTable"),
            *on(rf"arn:.*:cluster/{_OF_A_BRANCH}", "ecs:DescribeClusters"),
            *on(rf"arn:.*:service/{_OF_A_BRANCH}/\*", "ecs:DescribeServices"),
            # AWS adds six characters to the name of a secret.
            *on(rf"arn:.*:secret:{_OF_A_BRANCH}-\?{{6}}", "secretsmanager:DescribeSecret"),
            *on(r"arn:.*:transaction-pipeline-\*", "codepipeline:ListPipelineExecutions"),
            *on(r"arn:.*:key/\*", "kms:DescribeKey"),  # a key has no name: limited to our tag
            # An image that any stack names must stay.
            *on(r"arn:.*:stack/\*/\*", "cloudformation:GetTemplate"),
            # AWS has no narrower resource for listing all of a kind; the others only read.
            *on(
                r"\*",
                "acm:DescribeCertificate",
                "cloudformation:DescribeStacks",
                "cloudwatch:DescribeAlarms",
                "codebuild:BatchGetReportGroups",
                "codebuild:ListProjects",
                "codestar-notifications:DescribeNotificationRule",
                "dynamodb:ListTables",
                "ec2:DescribeAddresses",
                "ec2:DescribeFlowLogs",
                "ec2:DescribeInternetGateways",
                "ec2:DescribeNatGateways",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeRouteTables",
                "ec2:DescribeSecurityGroupRules",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVpcEndpoints",
                "ec2:DescribeVpcs",
                "ecs:DescribeTaskDefinition",
                "ecs:ListClusters",
                "ecs:ListTaskDefinitions",
                "elasticloadbalancing:DescribeListeners",
                "elasticloadbalancing:DescribeLoadBalancers",
                "elasticloadbalancing:DescribeRules",
                "elasticloadbalancing:DescribeTargetGroups",
                "events:DescribeRule",
                "iam:ListRoles",
                "kms:ListAliases",
                "lambda:GetEventSourceMapping",
                "lambda:ListFunctions",
                "logs:DescribeLogGroups",
                "rds:DescribeDBClusterParameterGroups",
                "rds:DescribeDBClusterSnapshots",
                "rds:DescribeDBClusters",
                "rds:DescribeDBInstances",
                "rds:DescribeDBSubnetGroups",
                "s3:ListAllMyBuckets",
                "secretsmanager:ListSecrets",
                "sns:ListTopics",
                "sqs:ListQueues",
                "tag:GetResources",
            ),
        ),
        reason="B3: it looks for what remains of a branch.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_RETRY_ROLE,),
        details=(
            *on(r"arn:.*:transaction-pipeline-\*", "codepipeline:ListActionExecutions"),
            *on(r"arn:.*:transaction-pipeline-\*/\*", "codepipeline:RetryStageExecution"),
            *on(
                r"arn:.*:log-group:/aws/codebuild/transaction-pipeline-\*:log-stream:assets/\*",
                "logs:GetLogEvents",
            ),
        ),
        reason="It retries stages of any branch's pipeline, and reads why its asset builds failed.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_LIFECYCLE_ROLE, _RECONCILER_ROLE, _COLLECTOR_ROLE),
        details=on(
            r"arn:.*:execution:branch-(create|destroy|sleep|wake)-hub-\w+:\*",
            "states:DescribeExecution",
        ),
        reason="It reads executions of the hub's own machines. Each has a name of its own.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_CREATE_ROLE, _DESTROY_ROLE, *_SLEEP_MACHINES, "BranchHub/SleepScheduler/Role"),
        details=on(
            r"<(Lifecycle|Teardown|SleepSteps|SleepScheduler)\w+\.Arn>:\*", "lambda:InvokeFunction"
        ),
        reason="CDK's grant to call a function: any version of the one.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_CREATE_ROLE, _DESTROY_ROLE, *_SLEEP_MACHINES),
        details=on(
            r"\*",
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
            "xray:PutTelemetryRecords",
            "xray:PutTraceSegments",
        ),
        reason="AWS knows no narrower resource for the logs and traces of a machine.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_LIFECYCLE_ROLE, _RECONCILER_ROLE),
        details=on(
            r"\*",
            "cloudwatch:GetMetricStatistics",
            "ec2:DescribeAddresses",
            "ec2:DescribeNatGateways",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcEndpoints",
            "ec2:DescribeVpcs",
            "elasticloadbalancing:DescribeLoadBalancers",
            "lambda:GetAccountSettings",
            "rds:DescribeDBClusters",
            "rds:DescribeDBInstances",
            "servicequotas:GetAWSDefaultServiceQuota",
            "servicequotas:GetServiceQuota",
        ),
        reason="B11: it compares the account's quotas with all that uses them. AWS has no narrower "
        "resource for listing all of a kind.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_LIFECYCLE_ROLE,),
        details=on(r"\*", "fis:ListExperiments", "fis:ListExperimentTemplates"),
        reason="B13: no environment falls asleep or is deleted during a drill. AWS has no narrower "
        "resource for listing experiments and their templates.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_SLEEP_ROLE,),
        details=(
            *on(
                rf"arn:.*:stack/transaction-{_OF_A_BRANCH}/\*", "cloudformation:ListStackResources"
            ),
            *on(
                rf"arn:.*:alarm:\*-{_OF_A_BRANCH}",
                "cloudwatch:DisableAlarmActions",
                "cloudwatch:EnableAlarmActions",
                "cloudwatch:SetAlarmState",
            ),
            *on(
                rf"arn:.*:cluster/transaction-cluster-{_OF_A_BRANCH}",
                "ecs:DescribeClusters",
                "ecs:TagResource",
                "ecs:UntagResource",
            ),
            *on(
                rf"arn:.*:service/transaction-cluster-{_OF_A_BRANCH}/"
                rf"transaction-service-{_OF_A_BRANCH}",
                "ecs:DescribeServices",
                "ecs:UpdateService",
            ),
            *on(
                rf"arn:.*:rule/audit-verification-{_OF_A_BRANCH}",
                "events:DisableRule",
                "events:EnableRule",
            ),
            *on(
                rf"arn:.*:cluster:transaction-db-{_OF_A_BRANCH}",
                "rds:DescribeDBClusters",
                "rds:StartDBCluster",
                "rds:StopDBCluster",
            ),
        ),
        reason="B13: it stops and starts the parts of a branch's environment by their names, and "
        "nothing of the trunk (tests/branch_hub/infrastructure/test_sleep_reach.py).",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_SLEEP_ROLE,),
        details=(
            *on(r"arn:.*:event-source-mapping:\*", "lambda:UpdateEventSourceMapping"),
            *on(r"arn:.*:scalable-target/\*", "application-autoscaling:RegisterScalableTarget"),
        ),
        reason="B13: these have random names and no tags. A condition limits the first to the "
        "function of a branch. The second reaches the scaling of every ECS service: IAM has no key "
        "for the service; the function refuses those of the trunk (functions/shared/guard.py).",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_SLEEP_ROLE,),
        details=on(
            r"\*",
            "application-autoscaling:DescribeScalableTargets",
            "cloudwatch:DescribeAlarms",
            "elasticloadbalancing:DescribeTargetHealth",
            "lambda:ListEventSourceMappings",
        ),
        reason="AWS has no narrower resource for these, which only read.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_RECONCILER_ROLE,),
        details=on(r"\*", "cloudformation:DescribeStacks"),
        reason="AWS knows no narrower resource for listing stacks.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_COLLECTOR_ROLE,),
        details=(
            *on(
                r"arn:.*:stack/\*/\*", "cloudformation:GetTemplate", "cloudformation:ListChangeSets"
            ),
            *on(r"arn:.*:transaction-pipeline-\*", "codepipeline:ListPipelineExecutions"),
            *on(r"arn:.*:service/transaction-cluster-\*/\*", "ecs:DescribeServices"),
            *on(
                r"\*",
                "cloudformation:DescribeStacks",
                "ecs:DescribeTaskDefinition",
                "ecs:ListTaskDefinitionFamilies",
                "ecs:ListTaskDefinitions",
            ),
        ),
        reason="An asset that any stack of the account names must stay. It only reads.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_COLLECTOR_ROLE,),
        details=(
            *on(r"arn:aws:s3:::cdk-hnb659fds-assets-.*/\*", "s3:DeleteObject"),
            *on(r"arn:.*:task-definition/transaction-service-\*:\*", "ecs:DeleteTaskDefinitions"),
        ),
        reason="The names of assets are hashes. Old versions stay, so an object can be restored; "
        "ECS keeps a revision as long as a service or task uses it.",
    ),
    # Functions
    Suppression(
        rules=("CKV_AWS_117",),
        where=_FUNCTIONS,
        reason="They call only AWS and the git host, a few times for each push. In a network they "
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
        reason="State machines wait for their answer and handle a failure. GitHub shows an event "
        "that was not delivered and can send it again; the reconciler finds within the hour what "
        "was missed.",
    ),
    Suppression(
        rules=("Serverless-LambdaTracing",),
        where=_FUNCTIONS,
        reason="Each is one step of a machine that is traced and logged, or answers one request.",
    ),
    Suppression(
        rules=("CKV_AWS_258",),
        where=(f"{_INTAKE}/FunctionUrl",),
        reason="GitHub cannot sign requests as AWS does. It signs their bodies; the answer to a "
        "request that is not signed is 401, before anything is read.",
    ),
    # The rest
    Suppression(
        rules=("AwsSolutions-DDB3", "CKV_AWS_28"),
        where=("BranchHub/Registry/Table",),
        reason="The reconciler rebuilds its contents every hour: yesterday's table would be wrong. "
        "With recovery on, its deletion would leave a backup for 35 days (S62).",
    ),
    Suppression(
        rules=("AwsSolutions-SMG4",),
        where=("BranchHub/HostSecret/Secret",),
        reason="A person copies it to the git host (docs/aws.md): after an automatic rotation "
        "every webhook would be refused.",
    ),
    Suppression(
        rules=("Serverless-SNSRedrivePolicy",),
        where=("BranchHub/Notices/Topic",),
        reason="A mail that is not delivered is of no use later: the machines keep their history, "
        "`make reconcile` shows what remains.",
    ),
    Suppression(
        rules=("AwsSolutions-SQS3", "Serverless-SQSRedrivePolicy"),
        where=("BranchHub/Events/DeadLetters",),
        reason="It is the dead-letter queue of the hub's events, and has an alarm.",
    ),
)
