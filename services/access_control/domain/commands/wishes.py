"""Emergency wishes (AR-035), masking by default (AR-025), functions not wanted, agreements with apps (AR-067)."""

from dataclasses import replace
from typing import Final

from services.access_control.domain.commands.professionals import ended
from services.access_control.domain.commands.rule import AnyAct, Asked, Command, Rule, always
from services.access_control.domain.commands.who import by_legal_representative, holders_side, in_use, in_use_or_held
from services.access_control.domain.record import Record
from services.access_control.domain.relations import Agreement
from shared.contracts.common import FurtherAct
from shared.contracts.further_reasons import Code, FurtherReason
from shared.contracts.record_requests import Function


def _wish(asked: Asked) -> Record:
    wishes = asked.command.wishes
    return asked.record if wishes is None or wishes == asked.record.wishes else replace(asked.record, wishes=wishes)


def _opposes(record: Record, command: Command) -> bool:
    """True where one of the three answers turns from yes to no."""
    before, after = record.wishes, command.wishes
    if after is None:
        return False
    return (
        (before.break_glass and not after.break_glass)
        or (before.regulation and not after.regulation)
        or (before.masked and not after.masked)
    )


def _opt_out(asked: Asked) -> Record:
    wanted = asked.command.functions
    return asked.record if wanted == asked.record.opted_out else replace(asked.record, opted_out=wanted)


def _does_without(record: Record, command: Command) -> bool:
    return not command.functions <= record.opted_out


def _mask_by_default(asked: Asked) -> Record:
    masked = asked.command.masked
    return asked.record if masked is asked.record.masks_by_default else replace(asked.record, masks_by_default=masked)


def _masks(record: Record, command: Command) -> bool:
    return command.masked and not record.masks_by_default


def _no_agreement(asked: Asked) -> Code | None:
    command = asked.command
    app = asked.policy.apps.get(command.app or "")
    if app is None:
        return FurtherReason.APP_NOT_REFERENCED
    if app.suspended:
        return FurtherReason.APP_SUSPENDED
    if Function.APPS in asked.record.opted_out:
        return FurtherReason.OPTED_OUT
    if not command.app_scopes:
        return FurtherReason.SCOPE_EMPTY
    return ended(asked) if command.app_scopes <= app.scopes else FurtherReason.SCOPE_TOO_WIDE


def _agree(asked: Asked) -> Record:
    command, record, key = asked.command, asked.record, asked.command.app or ""
    agreement = Agreement(command.app_scopes, command.until, by_legal_representative(asked))
    return record if record.apps.get(key) == agreement else replace(record, apps={**record.apps, key: agreement})


def _replaces(record: Record, command: Command) -> bool:
    return command.app in record.apps


def _withdraw(asked: Asked) -> Record:
    key = asked.command.app
    if key not in asked.record.apps:
        return asked.record
    return replace(asked.record, apps={other: kept for other, kept in asked.record.apps.items() if other != key})


RULES: Final[dict[AnyAct, Rule]] = {
    FurtherAct.WISH: Rule(holders_side, in_use, _wish, restricts=_opposes),
    FurtherAct.MASK_BY_DEFAULT: Rule(holders_side, in_use, _mask_by_default, restricts=_masks),
    FurtherAct.OPT_OUT: Rule(holders_side, in_use, _opt_out, restricts=_does_without),
    FurtherAct.AGREE_APP: Rule(holders_side, in_use, _agree, _no_agreement, _replaces),
    FurtherAct.WITHDRAW_APP: Rule(holders_side, in_use_or_held, _withdraw, restricts=always),
}
