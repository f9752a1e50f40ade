"""CodePipeline on one machine: carries out the deployed definition and shows how it goes."""
