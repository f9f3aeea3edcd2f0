"""`./jumpstack beliefs`: the page of what is believed of AWS."""

import click


@click.command(short_help="Write the page of beliefs about AWS.")
@click.option("--check", is_flag=True, help="Write nothing; fail where the page is not current.")
def beliefs(check: bool) -> int:
    """Write docs/beliefs.md from the register in docs/beliefs/.

    With --check nothing is written. Ends with 1 then where the page is not what the register says.
    """
    from tools.beliefs import BeliefError, write

    current = write(check=check)
    if check and not current:
        raise BeliefError("docs/beliefs.md is not what docs/beliefs/ says: ./jumpstack beliefs")
    print(f"docs/beliefs.md: {'current' if current else 'written'}")
    return 0
