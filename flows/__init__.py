"""When and in what order: settings, the pipeline that joins the other folders, Prefect flows, the command line."""
