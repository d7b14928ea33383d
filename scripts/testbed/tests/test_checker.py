"""The checker sees what is wrong with a ledger, and nothing in one that is right."""
import dataclasses
import typing
import unittest

from ..chaos.checker import Verdict, check
from ..chaos.ledger import BOUNCED, DELIVERED, EXPIRED, Fault, Ledger, Offered, Recorded, Taken, uuid_of

ID = "01M7YZS2T4EBMRJT83GT482VCP"
OTHER_ID = "01M7YZS31VEW0AQMNX7K0HF3KK"
BOB, EVE = "ok.0.m1@inbox1.example", "bad.1.m1@inbox2.example"


def offered(state: str = "accepted", recipients: tuple[str, ...] = (BOB,)) -> Offered:
    return Offered("<m1@source.example>", recipients, state, uuid_of(ID) if state == "accepted" else "")


def taken(begin: float = 10, end: float | None = 11, **changes: typing.Any) -> Taken:
    usual = Taken("<m1@source.example>", (BOB,), begin, end, end, True)
    return dataclasses.replace(usual, **changes)


def recorded(recipient: str = BOB, *outcomes: int, **changes: typing.Any) -> Recorded:
    return dataclasses.replace(Recorded(uuid_of(ID), recipient, outcomes, False), **changes)


def notice(*about: str, message_id: str = "<n1@cluster.example>") -> Taken:
    return Taken(message_id, ("app@sender.example",), 20, 21, 21, True, about)


class CheckerTests(unittest.TestCase):
    def judge(self, **parts: typing.Any) -> Verdict:
        return check(Ledger(**parts))

    def assert_holds(self, **parts: typing.Any) -> Verdict:
        verdict = self.judge(**parts)
        self.assertEqual(verdict.breaches, [])
        return verdict

    def assert_breach(self, text: str, **parts: typing.Any) -> Verdict:
        verdict = self.judge(**parts)
        self.assertEqual(len(verdict.breaches), 1, verdict.breaches)
        self.assertIn(text, verdict.breaches[0])
        return verdict

    def test_a_delivered_message_holds(self) -> None:
        verdict = self.assert_holds(offered=[offered()], taken=[taken()], recorded=[recorded(BOB, DELIVERED)])
        self.assertEqual((verdict.accepted, verdict.delivered, verdict.lost, verdict.duplicated), (1, 1, 0, 0))

    def test_a_message_that_is_not_in_the_database_is_lost(self) -> None:
        verdict = self.assert_breach("is not in the database", offered=[offered()], taken=[taken()])
        self.assertEqual(verdict.lost, 1)

    def test_a_recipient_without_outcome_is_lost(self) -> None:
        verdict = self.assert_breach("0 final outcomes and is not queued", offered=[offered()], recorded=[recorded()])
        self.assertEqual(verdict.lost, 1)

    def test_what_is_still_queued_after_the_drain_is_a_breach(self) -> None:
        self.assert_breach("is queued", offered=[offered()], recorded=[recorded(is_queued=True)])

    def test_two_final_outcomes_are_a_breach(self) -> None:
        self.assert_breach("2 final outcomes", offered=[offered()], taken=[taken()],
                           recorded=[recorded(BOB, DELIVERED, DELIVERED)])

    def test_delivered_for_the_database_alone_is_lost(self) -> None:
        verdict = self.assert_breach("not in the sink", offered=[offered()], recorded=[recorded(BOB, DELIVERED)])
        self.assertEqual(verdict.lost, 1)

    def test_a_transaction_without_250_is_no_delivery(self) -> None:
        self.assert_breach("not in the sink", offered=[offered()], recorded=[recorded(BOB, DELIVERED)],
                           taken=[taken(is_delivered=False, answered=None)])

    def test_bounced_for_the_database_and_delivered_to_the_sink_is_a_breach(self) -> None:
        self.assert_breach("not delivered for the database", offered=[offered()],
                           taken=[taken(), notice(BOB)], recorded=[recorded(BOB, BOUNCED)])

    def test_a_message_without_250_may_be_there_or_not(self) -> None:
        for state in ("unknown", "refused", "broken"):
            self.assert_holds(offered=[offered(state)])
        for state in ("unknown", "refused"):
            self.assert_holds(offered=[offered(state)], taken=[taken()], recorded=[recorded(BOB, DELIVERED)])

    def test_a_message_that_was_never_sent_whole_must_not_arrive(self) -> None:
        self.assert_breach("which nobody sent", offered=[offered("broken")], taken=[taken()])
        self.assert_breach("which nobody sent", taken=[taken()])

    def test_a_message_with_a_recipient_of_another_is_a_breach(self) -> None:
        verdict = self.judge(offered=[offered()], recorded=[recorded(BOB, DELIVERED)],
                             taken=[taken(), taken(recipients=("somebody@inbox1.example",))])
        self.assertEqual(len(verdict.breaches), 1)

    # Repetition

    def repeated(self, *faults: Fault, first_end: float | None = 11) -> dict[str, typing.Any]:
        return {"offered": [offered()], "recorded": [recorded(BOB, DELIVERED)], "faults": list(faults),
                "taken": [taken(10, first_end), taken(30, 31)]}

    def test_a_repetition_without_fault_is_a_breach(self) -> None:
        verdict = self.assert_breach("delivered 2 times", **self.repeated())
        self.assertEqual((verdict.duplicated, verdict.allowed), (1, 0))

    def test_a_repetition_of_what_was_in_flight_is_allowed(self) -> None:
        for fault in (Fault("open", 10.5, 10.6, True), Fault("answered just before", 11.05, 11.06, True)):
            verdict = self.assert_holds(**self.repeated(fault))
            self.assertEqual((verdict.duplicated, verdict.allowed), (1, 1))

    def test_a_repetition_of_what_was_over_or_not_begun_is_a_breach(self) -> None:
        for fault in (Fault("too late", 11.2, 11.3, True), Fault("too early", 9, 9.9, True)):
            self.assert_breach("was in flight at 0 faults", **self.repeated(fault))

    def test_a_repetition_at_a_fault_that_must_not_repeat_is_a_breach(self) -> None:
        self.assert_breach("delivered 2 times", **self.repeated(Fault("acceptor", 10.5, 10.6, False)))

    def test_one_fault_covers_one_repetition(self) -> None:
        parts = self.repeated(Fault("kill", 10.5, 10.6, True))
        parts["taken"].append(taken(40, 41))
        self.assert_breach("delivered 3 times, and was in flight at 1 faults", **parts)

    def test_others_in_flight_cover_nothing(self) -> None:
        parts = self.repeated(Fault("kill", 20, 20.1, True))
        parts["taken"].append(Taken("<other>", ("x@y",), 20, None, 20.2, False))
        self.assert_breach("delivered 2 times", **parts)

    # Notices

    def failed(self, kind: int = BOUNCED) -> dict[str, typing.Any]:
        return {"offered": [offered(recipients=(EVE,))], "recorded": [recorded(EVE, kind)]}

    def test_each_failure_is_told_once(self) -> None:
        for kind in (BOUNCED, EXPIRED):
            self.assertEqual(self.assert_holds(**self.failed(kind), taken=[notice(EVE)]).notices, 1)

    def test_a_failure_that_nobody_is_told_of_is_a_breach(self) -> None:
        self.assert_breach("is in 0 notices", **self.failed())

    def test_two_notices_of_one_failure_are_a_breach(self) -> None:
        self.assert_breach("is in 2 notices", **self.failed(),
                           taken=[notice(EVE), notice(EVE, message_id="<n2@cluster.example>")])

    def test_one_notice_that_is_delivered_twice_is_a_repetition(self) -> None:
        self.assert_breach("delivered 2 times", **self.failed(), taken=[notice(EVE), notice(EVE)])

    def test_a_notice_about_a_delivery_is_a_breach(self) -> None:
        self.assert_breach("failed 0 times and is in 1 notices", offered=[offered()],
                           taken=[taken(), notice(BOB)], recorded=[recorded(BOB, DELIVERED)])

    def test_a_notice_of_a_delay_is_none_of_a_failure(self) -> None:
        late = dataclasses.replace(notice(BOB), tells_failure=False)
        self.assert_holds(offered=[offered()], taken=[late, taken()], recorded=[recorded(BOB, DELIVERED)])
        self.assert_breach("is in 0 notices", **self.failed(),
                           taken=[dataclasses.replace(notice(EVE), tells_failure=False)])

    def test_failures_that_wait_to_be_told_are_a_breach(self) -> None:
        self.assert_breach("3 failures have not been told", untold=3)

    def test_a_notice_that_is_still_queued_is_a_breach(self) -> None:
        row = Recorded(uuid_of(OTHER_ID), "app@sender.example", (), True, notice_of=uuid_of(ID))
        self.assert_breach("is still queued", recorded=[row])

    # Names

    def test_a_queue_id_is_the_database_s_uuid(self) -> None:
        self.assertEqual(uuid_of("00000000000000000000000000"), "00000000-0000-0000-0000-000000000000")
        self.assertEqual(uuid_of("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"), "ffffffff-ffff-ffff-ffff-ffffffffffff")


if __name__ == "__main__":
    unittest.main()
