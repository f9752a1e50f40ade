"""CodeBuild on one machine: runs a project's buildspec as processes that end with the build."""
