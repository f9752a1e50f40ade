"""CodePipeline on one machine: runs the deployed definition and shows the run."""
