"""The virtual air: bumble's link between virtual controllers, mended where a real radio behaves otherwise."""

import asyncio
from typing import Final

from bumble import controller, core, hci, link, ll

_BUFFER_BYTES: Final = 251
"""ACL buffers of a controller with Data Length Extension; bumble's default of 27 is that of Bluetooth 4.0."""


class AirController(controller.Controller):
    """A virtual controller that can take back a request to connect."""

    acl_data_packet_length = _BUFFER_BYTES
    le_acl_data_packet_length = _BUFFER_BYTES

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Core specification, volume 4, part E, 7.8.13: the request ends with a connection that failed.

        bumble's own answers "done", and goes on connecting.
        """
        pending = self.pending_le_connection
        if pending is not None:
            self.pending_le_connection = None
            self.send_hci_packet(_failed_connection(pending.peer_address))
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)


def _failed_connection(peer: hci.Address) -> hci.HCI_LE_Connection_Complete_Event:
    return hci.HCI_LE_Connection_Complete_Event(
        status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
        connection_handle=0,
        role=hci.Role.CENTRAL,
        peer_address_type=peer.address_type,
        peer_address=peer,
        connection_interval=0,
        peripheral_latency=0,
        supervision_timeout=0,
        central_clock_accuracy=0,
    )


class Air(link.LocalLink):
    """What the controllers of one place have in common. Packets are never lost here; controllers can be."""

    def __init__(self) -> None:
        """Start with nobody in it."""
        super().__init__()  # type: ignore[no-untyped-call]  # bumble leaves this one without types

    def join(self) -> AirController:
        """Return a new controller in this air."""
        return AirController("bled", link=self, public_address=hci.Address.ANY)

    def leave(self, leaving: AirController) -> None:
        """Take a controller out of the air, as when its battery is pulled: its peers are told by a lost connection.

        A real peer would find out by the supervision timeout, which this air does not model: it is told at once.
        """
        if leaving not in self.controllers:
            return
        self.remove_controller(leaving)
        leaving.host = None
        leaving.le_legacy_advertiser.stop()
        for advertising_set in leaving.advertising_sets.values():
            advertising_set.stop()
        for connection in leaving.le_connections.values():
            self.send_ll_control_pdu(
                connection.self_address,
                connection.peer_address,
                ll.TerminateInd(hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR),
            )

    def send_acl_data(
        self,
        sender_controller: controller.Controller,
        destination_address: hci.Address,
        transport: core.PhysicalTransport,
        data: bytes,
    ) -> None:
        """Send data; a controller that has left is not heard any more."""
        if sender_controller in self.controllers:
            super().send_acl_data(sender_controller, destination_address, transport, data)

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        """Send a control PDU; one to a controller that has left is lost, where bumble raises."""
        if self.find_le_controller(receiver_address) is not None:
            super().send_ll_control_pdu(sender_address, receiver_address, packet)

    def send_advertising_pdu(self, sender_controller: controller.Controller, packet: ll.AdvertisingPdu) -> None:
        """Send an advertising PDU; a request to connect that nobody answers fails."""
        super().send_advertising_pdu(sender_controller, packet)
        if isinstance(packet, ll.ConnectInd):
            asyncio.get_running_loop().call_soon(self._check_established, sender_controller, packet)

    def _check_established(self, initiator: controller.Controller, packet: ll.ConnectInd) -> None:
        """Drop a connection whose advertiser was faster with somebody else; a real one fails with the same code."""
        if any(
            connection.self_address == packet.advertiser_address and connection.peer_address == packet.initiator_address
            for other in self.controllers
            for connection in other.le_connections.values()
        ):
            return
        connection = initiator.le_connections.get(packet.advertiser_address)
        if connection is not None:
            initiator.on_le_disconnected(connection, hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR)
