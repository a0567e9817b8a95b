"""What a deployment should be like, worked out from its settings with the standard library alone.

Each module is run by a script as `python3 -m infra.plan.NAME`; settings come from the environment, where
`infra/lib.sh` puts them. Exit code 3 means: what is there differs from what should be.
"""
