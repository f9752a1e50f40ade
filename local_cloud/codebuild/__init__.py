"""CodeBuild on one machine: a project's buildspec, run as processes that end with the build."""
