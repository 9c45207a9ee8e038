"""The mail relay: kept connections, and the round of e-mails that goes over them.

A round leases what is due, sends it over several connections at once, and records all outcomes in one transaction. A
process that dies in between leaves its leases to run out; the e-mail is then sent again under the same Message-ID.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientsRefused,
)

from services.notification.domain.deliveries import Answer, Due, Outcome, Patience, Status, outcome
from services.notification.domain.letters import Letters
from services.notification.domain.mails import Mails
from services.notification.repository import Outbound, Settled
from services.notification.settings import Settings, SmtpTls
from shared.contracts.notification_events import Channel, Failed, Sent, Suppressed
from shared.database import Database, Transaction
from shared.errors import secret_in
from shared.messaging import Outbox
from shared.observability import MAILS, logger

PERMANENT = 500
"""From here on SMTP's answers are final (RFC 5321, 4.2.1)."""
STALE_S = 20.0
"""A connection not used for so long may have been closed by the relay: a new one is made."""

STEPS = 3
"""Time-outs of a single step that one e-mail may take altogether: it ends well within its lease."""
LONGEST_PAUSE = timedelta(minutes=15)
"""Between two attempts: so long may e-mails come late after the relay is back."""

_COUNTED = {answer: MAILS.labels(outcome=answer.value) for answer in Answer}
_EVENTS = {Status.SENT: Sent, Status.FAILED: Failed, Status.SUPPRESSED: Suppressed}
_log = logger("carnet.notification")


class RelayUnreachableError(Exception):
    """No connection to the mail relay: it makes no sense to try the next e-mail over this one."""


class Connection:
    """One connection to the mail relay, made when needed and kept."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sender = settings.mail_from
        self._timeout_s = STEPS * settings.smtp_timeout_s
        self._smtp: SMTP | None = None
        self._used = 0.0

    async def send(self, mail: bytes, address: str) -> Answer:
        """Hand one e-mail over.

        Raises:
            RelayUnreachableError: no connection could be made.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                smtp = await self._connected()
                await smtp.sendmail(self._sender, [address], mail)
        except SMTPRecipientsRefused as error:
            return _refused(max(refusal.code for refusal in error.recipients), error)
        except SMTPDataError as error:
            return _refused(error.code, error)
        except (SMTPException, OSError) as error:
            self.expect_no_cancellation()
            # the connection, the relay or our account there is at fault, not this e-mail
            _log.warning("mail_put_off", exc_info=error)
            self.close()
            return Answer.LATER
        except ValueError as error:
            _log.warning("mail_refused", exc_info=error)
            return Answer.NEVER
        return Answer.ACCEPTED

    def expect_no_cancellation(self) -> None:
        """End where this task was cancelled: who is cancelled must not go on sending.

        On the way here a cancellation can be told as a lost connection, or be swallowed by a wait that was just over.
        """
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            self.close()
            raise asyncio.CancelledError

    async def _connected(self) -> SMTP:
        now = asyncio.get_running_loop().time()
        if self._smtp is not None and (not self._smtp.is_connected or now - self._used > STALE_S):
            self.close()
        self._used = now
        if self._smtp is None:
            self._smtp = self._made()
            try:
                await self._smtp.connect()
            except (SMTPException, OSError) as error:
                self.expect_no_cancellation()
                self.close()
                raise RelayUnreachableError from error
        return self._smtp

    def _made(self) -> SMTP:
        settings = self._settings
        return SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            timeout=settings.smtp_timeout_s,
            username=settings.smtp_username or None,
            password=secret_in(settings.smtp_password_file, "CARNET_SMTP_PASSWORD_FILE"),
            use_tls=settings.smtp_tls is SmtpTls.TLS,
            start_tls=settings.smtp_tls is SmtpTls.STARTTLS,
        )

    def close(self) -> None:
        """Drop the connection; the next e-mail makes a new one."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            smtp.close()


def _refused(code: int, error: SMTPException) -> Answer:
    answer = Answer.NEVER if code >= PERMANENT else Answer.LATER
    _log.warning("mail_refused" if answer is Answer.NEVER else "mail_put_off", status=code, exc_info=error)
    return answer


@dataclass(frozen=True)
class Limits:
    """How much one round takes on, and how long."""

    count: int
    lease: timedelta
    patience: Patience

    @property
    def sending(self) -> float:
        """Seconds after which no further e-mail is begun: half the lease, so that the last one ends within it."""
        return self.lease.total_seconds() / 2


@dataclass
class _Round:
    """What is to be sent, and the answers so far."""

    due: Iterator[Due]
    ends_at: float
    answers: list[tuple[Due, Answer]] = field(default_factory=list)


class Mailing:
    """Sends what is due, round by round."""

    def __init__(
        self,
        database: Database,
        *,
        outbound: Outbound,
        outbox: Outbox,
        mails: Mails,
        connections: Sequence[Connection],
        limits: Limits,
    ) -> None:
        self._database = database
        self._outbound = outbound
        self._outbox = outbox
        self._mails = mails
        self._connections = connections
        self._limits = limits

    async def round(self) -> bool:
        """One round; True where more may be due at once."""
        if not await self._outbound.any_due(self._database):
            return False
        async with self._database.transaction() as tx:
            due = await self._outbound.lease(tx, self._limits.count, self._limits.lease)
        if not due:
            return False
        end = asyncio.get_running_loop().time() + self._limits.sending
        work = _Round(iter([item for item in due if item.address]), end)
        work.answers += [(item, Answer.NOBODY) for item in due if item.address is None]
        try:
            async with asyncio.TaskGroup() as group:  # which waits for all of them, also when it is cancelled
                for connection in self._connections:
                    group.create_task(self._send(connection, work))
        finally:  # what was sent is recorded also when the process is being stopped
            await self._settle(due, work.answers)
        return len(due) == self._limits.count

    async def close(self) -> None:
        """Drop all connections."""
        for connection in self._connections:
            connection.close()

    async def _send(self, connection: Connection, work: _Round) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < work.ends_at and (due := next(work.due, None)) is not None:
            try:
                answer = await connection.send(self._mails.compose(due), due.address or "")
            except RelayUnreachableError as error:
                _log.warning("relay_unreachable", exc_info=error.__cause__)
                work.answers.append((due, Answer.LATER))
                return
            except Exception as error:  # noqa: BLE001 - one broken text must not hold up the others
                _log.error("mail_failed", message=due.notice, exc_info=error)
                answer = Answer.LATER
            _COUNTED[answer].inc()
            work.answers.append((due, answer))
            connection.expect_no_cancellation()

    async def _settle(self, due: Sequence[Due], answers: Sequence[tuple[Due, Answer]]) -> None:
        known = {item.notice for item, _ in answers}
        untried = [(item, Answer.LATER) for item in due if item.notice not in known]
        async with self._database.transaction() as tx:
            now = await tx.clock()
            outcomes = self._outcomes([*answers, *untried], now)
            await self._tell(tx, await self._outbound.settle(tx, outcomes))

    def _outcomes(self, answers: Sequence[tuple[Due, Answer]], now: datetime) -> list[Outcome]:
        return [outcome(item, answer, now, self._limits.patience) for item, answer in answers]

    async def _tell(self, tx: Transaction, settled: Sequence[Settled]) -> None:
        """Emit what became of each notice, under the correlation of what it was about."""
        outgoing = []
        for item in settled:
            channel = Channel.NONE if item.status is Status.SUPPRESSED else Channel.EMAIL
            told = {"notice": item.notice, "event": item.event, "channel": channel, "about": item.about}
            told |= {"recipient": item.recipient, "reason": item.silence}  # only Suppressed knows a reason
            body = _EVENTS[item.status].model_validate(told)
            messages = self._outbox.root((body,), cause=item.notice, key=item.record)
            outgoing += [message._replace(correlation=item.correlation) for message in messages]
        await self._outbox.append(tx, outgoing)


def mailing(settings: Settings, database: Database, outbound: Outbound, outbox: Outbox, letters: Letters) -> Mailing:
    """The mailing that these settings describe."""
    patience = Patience(
        first=timedelta(seconds=settings.mail_first_retry_s),
        longest=LONGEST_PAUSE,
        give_up_after=timedelta(seconds=settings.mail_give_up_after_s),
    )
    return Mailing(
        database,
        outbound=outbound,
        outbox=outbox,
        mails=Mails(letters, settings.mail_from),
        connections=[Connection(settings) for _ in range(settings.smtp_connections)],
        limits=Limits(settings.mail_batch, timedelta(seconds=settings.mail_lease_s), patience),
    )
