"""Calls over the wire, written as the transcripts write them."""

from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from bled.node.stubs import cln_subset_pb2 as pb

Json = dict[str, Any]

_LONG = FieldDescriptor.TYPE_UINT64
_METHODS = pb.DESCRIPTOR.services_by_name["Node"].methods_by_name


def to_json(message: Message) -> Json:
    """Write a message: bytes as hex, long integers as text, optional fields only when they are set."""
    result = {}
    for descriptor in message.DESCRIPTOR.fields:
        value = getattr(message, descriptor.name)
        if descriptor.is_repeated:
            result[descriptor.name] = [_value(descriptor, item) for item in value]
        elif not descriptor.has_presence or message.HasField(descriptor.name):
            result[descriptor.name] = _value(descriptor, value)
    return result


def _value(descriptor: FieldDescriptor, value: Any) -> Any:
    if descriptor.message_type is not None:
        return to_json(value)
    if descriptor.enum_type is not None:
        return descriptor.enum_type.values_by_number[value].name
    if descriptor.type == FieldDescriptor.TYPE_BYTES:
        return value.hex()
    return str(value) if descriptor.type == _LONG else value


def from_json(message: Message, values: Json) -> Message:
    """Set the fields of a request."""
    for name, value in values.items():
        descriptor = message.DESCRIPTOR.fields_by_name[name]
        if descriptor.type == FieldDescriptor.TYPE_BYTES:
            setattr(message, name, bytes.fromhex(value))
        elif descriptor.enum_type is not None:
            setattr(message, name, descriptor.enum_type.values_by_name[value].number)
        else:
            setattr(message, name, int(value) if descriptor.type == _LONG else value)
    return message


class Client:
    """A client of one node, with the certificates in a folder."""

    def __init__(self, target: str, folder: Path) -> None:
        files = ("ca.pem", "client-key.pem", "client.pem")
        credentials = grpc.ssl_channel_credentials(*((folder / name).read_bytes() for name in files))
        options = (("grpc.ssl_target_name_override", "cln"), ("grpc.initial_reconnect_backoff_ms", 50))
        self.target = target
        self._channel = grpc.aio.secure_channel(target, credentials, options=options)

    async def close(self) -> None:
        await self._channel.close()

    async def ready(self) -> None:
        await self._channel.channel_ready()

    def _parts(self, method: str, request: Json) -> tuple[str, Message, Any]:
        types = _METHODS[method]
        message = from_json(GetMessageClass(types.input_type)(), request)
        return f"/cln.Node/{method}", message, GetMessageClass(types.output_type).FromString

    async def call(self, method: str, request: Json) -> Json:
        """Return `{"response": …}` or `{"error": …}`."""
        path, message, decode = self._parts(method, request)
        invoke = self._channel.unary_unary(path, type(message).SerializeToString, decode)
        try:
            return {"response": to_json(await invoke(message))}
        except grpc.aio.AioRpcError as error:
            return {"error": {"grpc_code": error.code().name, "details": error.details()}}

    async def listen(self, method: str) -> Any:
        """Return the running stream, once the node has heard of it."""
        path, message, decode = self._parts(method, {})
        stream = self._channel.unary_stream(path, type(message).SerializeToString, decode)(message)
        await stream.initial_metadata()
        return stream
