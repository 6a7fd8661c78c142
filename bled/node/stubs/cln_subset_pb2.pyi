from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ChannelState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    Openingd: _ClassVar[ChannelState]
    ChanneldAwaitingLockin: _ClassVar[ChannelState]
    ChanneldNormal: _ClassVar[ChannelState]
    ChanneldShuttingDown: _ClassVar[ChannelState]
    ClosingdSigexchange: _ClassVar[ChannelState]
    ClosingdComplete: _ClassVar[ChannelState]
    AwaitingUnilateral: _ClassVar[ChannelState]
    FundingSpendSeen: _ClassVar[ChannelState]
    Onchain: _ClassVar[ChannelState]
    DualopendOpenInit: _ClassVar[ChannelState]
    DualopendAwaitingLockin: _ClassVar[ChannelState]
    ChanneldAwaitingSplice: _ClassVar[ChannelState]
    DualopendOpenCommitted: _ClassVar[ChannelState]
    DualopendOpenCommittReady: _ClassVar[ChannelState]
    Closed: _ClassVar[ChannelState]
Openingd: ChannelState
ChanneldAwaitingLockin: ChannelState
ChanneldNormal: ChannelState
ChanneldShuttingDown: ChannelState
ClosingdSigexchange: ChannelState
ClosingdComplete: ChannelState
AwaitingUnilateral: ChannelState
FundingSpendSeen: ChannelState
Onchain: ChannelState
DualopendOpenInit: ChannelState
DualopendAwaitingLockin: ChannelState
ChanneldAwaitingSplice: ChannelState
DualopendOpenCommitted: ChannelState
DualopendOpenCommittReady: ChannelState
Closed: ChannelState

class Amount(_message.Message):
    __slots__ = ("msat",)
    MSAT_FIELD_NUMBER: _ClassVar[int]
    msat: int
    def __init__(self, msat: _Optional[int] = ...) -> None: ...

class GetinfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetinfoResponse(_message.Message):
    __slots__ = ("id", "alias", "color", "num_peers", "num_pending_channels", "num_active_channels", "num_inactive_channels", "version", "lightning_dir", "our_features", "blockheight", "network", "fees_collected_msat", "address", "binding", "warning_bitcoind_sync", "warning_lightningd_sync")
    ID_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    COLOR_FIELD_NUMBER: _ClassVar[int]
    NUM_PEERS_FIELD_NUMBER: _ClassVar[int]
    NUM_PENDING_CHANNELS_FIELD_NUMBER: _ClassVar[int]
    NUM_ACTIVE_CHANNELS_FIELD_NUMBER: _ClassVar[int]
    NUM_INACTIVE_CHANNELS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LIGHTNING_DIR_FIELD_NUMBER: _ClassVar[int]
    OUR_FEATURES_FIELD_NUMBER: _ClassVar[int]
    BLOCKHEIGHT_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    FEES_COLLECTED_MSAT_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    BINDING_FIELD_NUMBER: _ClassVar[int]
    WARNING_BITCOIND_SYNC_FIELD_NUMBER: _ClassVar[int]
    WARNING_LIGHTNINGD_SYNC_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    alias: str
    color: bytes
    num_peers: int
    num_pending_channels: int
    num_active_channels: int
    num_inactive_channels: int
    version: str
    lightning_dir: str
    our_features: GetinfoOurFeatures
    blockheight: int
    network: str
    fees_collected_msat: Amount
    address: _containers.RepeatedCompositeFieldContainer[GetinfoAddress]
    binding: _containers.RepeatedCompositeFieldContainer[GetinfoBinding]
    warning_bitcoind_sync: str
    warning_lightningd_sync: str
    def __init__(self, id: _Optional[bytes] = ..., alias: _Optional[str] = ..., color: _Optional[bytes] = ..., num_peers: _Optional[int] = ..., num_pending_channels: _Optional[int] = ..., num_active_channels: _Optional[int] = ..., num_inactive_channels: _Optional[int] = ..., version: _Optional[str] = ..., lightning_dir: _Optional[str] = ..., our_features: _Optional[_Union[GetinfoOurFeatures, _Mapping]] = ..., blockheight: _Optional[int] = ..., network: _Optional[str] = ..., fees_collected_msat: _Optional[_Union[Amount, _Mapping]] = ..., address: _Optional[_Iterable[_Union[GetinfoAddress, _Mapping]]] = ..., binding: _Optional[_Iterable[_Union[GetinfoBinding, _Mapping]]] = ..., warning_bitcoind_sync: _Optional[str] = ..., warning_lightningd_sync: _Optional[str] = ...) -> None: ...

class GetinfoOurFeatures(_message.Message):
    __slots__ = ("init", "node", "channel", "invoice")
    INIT_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    INVOICE_FIELD_NUMBER: _ClassVar[int]
    init: bytes
    node: bytes
    channel: bytes
    invoice: bytes
    def __init__(self, init: _Optional[bytes] = ..., node: _Optional[bytes] = ..., channel: _Optional[bytes] = ..., invoice: _Optional[bytes] = ...) -> None: ...

class GetinfoAddress(_message.Message):
    __slots__ = ("item_type", "port", "address")
    class GetinfoAddressType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        DNS: _ClassVar[GetinfoAddress.GetinfoAddressType]
        IPV4: _ClassVar[GetinfoAddress.GetinfoAddressType]
        IPV6: _ClassVar[GetinfoAddress.GetinfoAddressType]
        TORV2: _ClassVar[GetinfoAddress.GetinfoAddressType]
        TORV3: _ClassVar[GetinfoAddress.GetinfoAddressType]
    DNS: GetinfoAddress.GetinfoAddressType
    IPV4: GetinfoAddress.GetinfoAddressType
    IPV6: GetinfoAddress.GetinfoAddressType
    TORV2: GetinfoAddress.GetinfoAddressType
    TORV3: GetinfoAddress.GetinfoAddressType
    ITEM_TYPE_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    item_type: GetinfoAddress.GetinfoAddressType
    port: int
    address: str
    def __init__(self, item_type: _Optional[_Union[GetinfoAddress.GetinfoAddressType, str]] = ..., port: _Optional[int] = ..., address: _Optional[str] = ...) -> None: ...

class GetinfoBinding(_message.Message):
    __slots__ = ("item_type", "address", "port")
    class GetinfoBindingType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        LOCAL_SOCKET: _ClassVar[GetinfoBinding.GetinfoBindingType]
        IPV4: _ClassVar[GetinfoBinding.GetinfoBindingType]
        IPV6: _ClassVar[GetinfoBinding.GetinfoBindingType]
        TORV2: _ClassVar[GetinfoBinding.GetinfoBindingType]
        TORV3: _ClassVar[GetinfoBinding.GetinfoBindingType]
        WEBSOCKET: _ClassVar[GetinfoBinding.GetinfoBindingType]
    LOCAL_SOCKET: GetinfoBinding.GetinfoBindingType
    IPV4: GetinfoBinding.GetinfoBindingType
    IPV6: GetinfoBinding.GetinfoBindingType
    TORV2: GetinfoBinding.GetinfoBindingType
    TORV3: GetinfoBinding.GetinfoBindingType
    WEBSOCKET: GetinfoBinding.GetinfoBindingType
    ITEM_TYPE_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    item_type: GetinfoBinding.GetinfoBindingType
    address: str
    port: int
    def __init__(self, item_type: _Optional[_Union[GetinfoBinding.GetinfoBindingType, str]] = ..., address: _Optional[str] = ..., port: _Optional[int] = ...) -> None: ...

class ListpeersRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    def __init__(self, id: _Optional[bytes] = ...) -> None: ...

class ListpeersResponse(_message.Message):
    __slots__ = ("peers",)
    PEERS_FIELD_NUMBER: _ClassVar[int]
    peers: _containers.RepeatedCompositeFieldContainer[ListpeersPeers]
    def __init__(self, peers: _Optional[_Iterable[_Union[ListpeersPeers, _Mapping]]] = ...) -> None: ...

class ListpeersPeers(_message.Message):
    __slots__ = ("id", "connected", "netaddr", "features", "remote_addr", "num_channels")
    ID_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    NETADDR_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    REMOTE_ADDR_FIELD_NUMBER: _ClassVar[int]
    NUM_CHANNELS_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    connected: bool
    netaddr: _containers.RepeatedScalarFieldContainer[str]
    features: bytes
    remote_addr: str
    num_channels: int
    def __init__(self, id: _Optional[bytes] = ..., connected: _Optional[bool] = ..., netaddr: _Optional[_Iterable[str]] = ..., features: _Optional[bytes] = ..., remote_addr: _Optional[str] = ..., num_channels: _Optional[int] = ...) -> None: ...

class ListpeerchannelsRequest(_message.Message):
    __slots__ = ("id", "short_channel_id")
    ID_FIELD_NUMBER: _ClassVar[int]
    SHORT_CHANNEL_ID_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    short_channel_id: str
    def __init__(self, id: _Optional[bytes] = ..., short_channel_id: _Optional[str] = ...) -> None: ...

class ListpeerchannelsResponse(_message.Message):
    __slots__ = ("channels",)
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    channels: _containers.RepeatedCompositeFieldContainer[ListpeerchannelsChannels]
    def __init__(self, channels: _Optional[_Iterable[_Union[ListpeerchannelsChannels, _Mapping]]] = ...) -> None: ...

class ListpeerchannelsChannels(_message.Message):
    __slots__ = ("peer_id", "peer_connected", "state", "short_channel_id", "private", "spendable_msat", "receivable_msat", "updates")
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    PEER_CONNECTED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SHORT_CHANNEL_ID_FIELD_NUMBER: _ClassVar[int]
    PRIVATE_FIELD_NUMBER: _ClassVar[int]
    SPENDABLE_MSAT_FIELD_NUMBER: _ClassVar[int]
    RECEIVABLE_MSAT_FIELD_NUMBER: _ClassVar[int]
    UPDATES_FIELD_NUMBER: _ClassVar[int]
    peer_id: bytes
    peer_connected: bool
    state: ChannelState
    short_channel_id: str
    private: bool
    spendable_msat: Amount
    receivable_msat: Amount
    updates: ListpeerchannelsChannelsUpdates
    def __init__(self, peer_id: _Optional[bytes] = ..., peer_connected: _Optional[bool] = ..., state: _Optional[_Union[ChannelState, str]] = ..., short_channel_id: _Optional[str] = ..., private: _Optional[bool] = ..., spendable_msat: _Optional[_Union[Amount, _Mapping]] = ..., receivable_msat: _Optional[_Union[Amount, _Mapping]] = ..., updates: _Optional[_Union[ListpeerchannelsChannelsUpdates, _Mapping]] = ...) -> None: ...

class ListpeerchannelsChannelsUpdates(_message.Message):
    __slots__ = ("local", "remote")
    LOCAL_FIELD_NUMBER: _ClassVar[int]
    REMOTE_FIELD_NUMBER: _ClassVar[int]
    local: ListpeerchannelsChannelsUpdatesLocal
    remote: ListpeerchannelsChannelsUpdatesRemote
    def __init__(self, local: _Optional[_Union[ListpeerchannelsChannelsUpdatesLocal, _Mapping]] = ..., remote: _Optional[_Union[ListpeerchannelsChannelsUpdatesRemote, _Mapping]] = ...) -> None: ...

class ListpeerchannelsChannelsUpdatesLocal(_message.Message):
    __slots__ = ("htlc_minimum_msat", "htlc_maximum_msat", "cltv_expiry_delta", "fee_base_msat", "fee_proportional_millionths")
    HTLC_MINIMUM_MSAT_FIELD_NUMBER: _ClassVar[int]
    HTLC_MAXIMUM_MSAT_FIELD_NUMBER: _ClassVar[int]
    CLTV_EXPIRY_DELTA_FIELD_NUMBER: _ClassVar[int]
    FEE_BASE_MSAT_FIELD_NUMBER: _ClassVar[int]
    FEE_PROPORTIONAL_MILLIONTHS_FIELD_NUMBER: _ClassVar[int]
    htlc_minimum_msat: Amount
    htlc_maximum_msat: Amount
    cltv_expiry_delta: int
    fee_base_msat: Amount
    fee_proportional_millionths: int
    def __init__(self, htlc_minimum_msat: _Optional[_Union[Amount, _Mapping]] = ..., htlc_maximum_msat: _Optional[_Union[Amount, _Mapping]] = ..., cltv_expiry_delta: _Optional[int] = ..., fee_base_msat: _Optional[_Union[Amount, _Mapping]] = ..., fee_proportional_millionths: _Optional[int] = ...) -> None: ...

class ListpeerchannelsChannelsUpdatesRemote(_message.Message):
    __slots__ = ("htlc_minimum_msat", "htlc_maximum_msat", "cltv_expiry_delta", "fee_base_msat", "fee_proportional_millionths")
    HTLC_MINIMUM_MSAT_FIELD_NUMBER: _ClassVar[int]
    HTLC_MAXIMUM_MSAT_FIELD_NUMBER: _ClassVar[int]
    CLTV_EXPIRY_DELTA_FIELD_NUMBER: _ClassVar[int]
    FEE_BASE_MSAT_FIELD_NUMBER: _ClassVar[int]
    FEE_PROPORTIONAL_MILLIONTHS_FIELD_NUMBER: _ClassVar[int]
    htlc_minimum_msat: Amount
    htlc_maximum_msat: Amount
    cltv_expiry_delta: int
    fee_base_msat: Amount
    fee_proportional_millionths: int
    def __init__(self, htlc_minimum_msat: _Optional[_Union[Amount, _Mapping]] = ..., htlc_maximum_msat: _Optional[_Union[Amount, _Mapping]] = ..., cltv_expiry_delta: _Optional[int] = ..., fee_base_msat: _Optional[_Union[Amount, _Mapping]] = ..., fee_proportional_millionths: _Optional[int] = ...) -> None: ...

class ConnectRequest(_message.Message):
    __slots__ = ("id", "host", "port")
    ID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    id: str
    host: str
    port: int
    def __init__(self, id: _Optional[str] = ..., host: _Optional[str] = ..., port: _Optional[int] = ...) -> None: ...

class ConnectResponse(_message.Message):
    __slots__ = ("id", "features", "direction", "address")
    class ConnectDirection(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        IN: _ClassVar[ConnectResponse.ConnectDirection]
        OUT: _ClassVar[ConnectResponse.ConnectDirection]
    IN: ConnectResponse.ConnectDirection
    OUT: ConnectResponse.ConnectDirection
    ID_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    features: bytes
    direction: ConnectResponse.ConnectDirection
    address: ConnectAddress
    def __init__(self, id: _Optional[bytes] = ..., features: _Optional[bytes] = ..., direction: _Optional[_Union[ConnectResponse.ConnectDirection, str]] = ..., address: _Optional[_Union[ConnectAddress, _Mapping]] = ...) -> None: ...

class ConnectAddress(_message.Message):
    __slots__ = ("item_type", "socket", "address", "port")
    class ConnectAddressType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        LOCAL_SOCKET: _ClassVar[ConnectAddress.ConnectAddressType]
        IPV4: _ClassVar[ConnectAddress.ConnectAddressType]
        IPV6: _ClassVar[ConnectAddress.ConnectAddressType]
        TORV2: _ClassVar[ConnectAddress.ConnectAddressType]
        TORV3: _ClassVar[ConnectAddress.ConnectAddressType]
    LOCAL_SOCKET: ConnectAddress.ConnectAddressType
    IPV4: ConnectAddress.ConnectAddressType
    IPV6: ConnectAddress.ConnectAddressType
    TORV2: ConnectAddress.ConnectAddressType
    TORV3: ConnectAddress.ConnectAddressType
    ITEM_TYPE_FIELD_NUMBER: _ClassVar[int]
    SOCKET_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    item_type: ConnectAddress.ConnectAddressType
    socket: str
    address: str
    port: int
    def __init__(self, item_type: _Optional[_Union[ConnectAddress.ConnectAddressType, str]] = ..., socket: _Optional[str] = ..., address: _Optional[str] = ..., port: _Optional[int] = ...) -> None: ...

class DisconnectRequest(_message.Message):
    __slots__ = ("id", "force")
    ID_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    force: bool
    def __init__(self, id: _Optional[bytes] = ..., force: _Optional[bool] = ...) -> None: ...

class DisconnectResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CreateinvoiceRequest(_message.Message):
    __slots__ = ("invstring", "label", "preimage")
    INVSTRING_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PREIMAGE_FIELD_NUMBER: _ClassVar[int]
    invstring: str
    label: str
    preimage: bytes
    def __init__(self, invstring: _Optional[str] = ..., label: _Optional[str] = ..., preimage: _Optional[bytes] = ...) -> None: ...

class CreateinvoiceResponse(_message.Message):
    __slots__ = ("label", "bolt11", "bolt12", "payment_hash", "amount_msat", "status", "description", "expires_at", "pay_index", "amount_received_msat", "paid_at", "payment_preimage", "local_offer_id", "invreq_payer_note", "created_index")
    class CreateinvoiceStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        PAID: _ClassVar[CreateinvoiceResponse.CreateinvoiceStatus]
        EXPIRED: _ClassVar[CreateinvoiceResponse.CreateinvoiceStatus]
        UNPAID: _ClassVar[CreateinvoiceResponse.CreateinvoiceStatus]
    PAID: CreateinvoiceResponse.CreateinvoiceStatus
    EXPIRED: CreateinvoiceResponse.CreateinvoiceStatus
    UNPAID: CreateinvoiceResponse.CreateinvoiceStatus
    LABEL_FIELD_NUMBER: _ClassVar[int]
    BOLT11_FIELD_NUMBER: _ClassVar[int]
    BOLT12_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_HASH_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MSAT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    PAY_INDEX_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_RECEIVED_MSAT_FIELD_NUMBER: _ClassVar[int]
    PAID_AT_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_PREIMAGE_FIELD_NUMBER: _ClassVar[int]
    LOCAL_OFFER_ID_FIELD_NUMBER: _ClassVar[int]
    INVREQ_PAYER_NOTE_FIELD_NUMBER: _ClassVar[int]
    CREATED_INDEX_FIELD_NUMBER: _ClassVar[int]
    label: str
    bolt11: str
    bolt12: str
    payment_hash: bytes
    amount_msat: Amount
    status: CreateinvoiceResponse.CreateinvoiceStatus
    description: str
    expires_at: int
    pay_index: int
    amount_received_msat: Amount
    paid_at: int
    payment_preimage: bytes
    local_offer_id: bytes
    invreq_payer_note: str
    created_index: int
    def __init__(self, label: _Optional[str] = ..., bolt11: _Optional[str] = ..., bolt12: _Optional[str] = ..., payment_hash: _Optional[bytes] = ..., amount_msat: _Optional[_Union[Amount, _Mapping]] = ..., status: _Optional[_Union[CreateinvoiceResponse.CreateinvoiceStatus, str]] = ..., description: _Optional[str] = ..., expires_at: _Optional[int] = ..., pay_index: _Optional[int] = ..., amount_received_msat: _Optional[_Union[Amount, _Mapping]] = ..., paid_at: _Optional[int] = ..., payment_preimage: _Optional[bytes] = ..., local_offer_id: _Optional[bytes] = ..., invreq_payer_note: _Optional[str] = ..., created_index: _Optional[int] = ...) -> None: ...

class DelinvoiceRequest(_message.Message):
    __slots__ = ("label", "status")
    class DelinvoiceStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        PAID: _ClassVar[DelinvoiceRequest.DelinvoiceStatus]
        EXPIRED: _ClassVar[DelinvoiceRequest.DelinvoiceStatus]
        UNPAID: _ClassVar[DelinvoiceRequest.DelinvoiceStatus]
    PAID: DelinvoiceRequest.DelinvoiceStatus
    EXPIRED: DelinvoiceRequest.DelinvoiceStatus
    UNPAID: DelinvoiceRequest.DelinvoiceStatus
    LABEL_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    label: str
    status: DelinvoiceRequest.DelinvoiceStatus
    def __init__(self, label: _Optional[str] = ..., status: _Optional[_Union[DelinvoiceRequest.DelinvoiceStatus, str]] = ...) -> None: ...

class DelinvoiceResponse(_message.Message):
    __slots__ = ("label", "bolt11", "bolt12", "amount_msat", "description", "payment_hash", "status", "expires_at", "local_offer_id", "invreq_payer_note", "created_index", "updated_index", "pay_index", "amount_received_msat", "paid_at", "payment_preimage")
    class DelinvoiceStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        PAID: _ClassVar[DelinvoiceResponse.DelinvoiceStatus]
        EXPIRED: _ClassVar[DelinvoiceResponse.DelinvoiceStatus]
        UNPAID: _ClassVar[DelinvoiceResponse.DelinvoiceStatus]
    PAID: DelinvoiceResponse.DelinvoiceStatus
    EXPIRED: DelinvoiceResponse.DelinvoiceStatus
    UNPAID: DelinvoiceResponse.DelinvoiceStatus
    LABEL_FIELD_NUMBER: _ClassVar[int]
    BOLT11_FIELD_NUMBER: _ClassVar[int]
    BOLT12_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MSAT_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_HASH_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    LOCAL_OFFER_ID_FIELD_NUMBER: _ClassVar[int]
    INVREQ_PAYER_NOTE_FIELD_NUMBER: _ClassVar[int]
    CREATED_INDEX_FIELD_NUMBER: _ClassVar[int]
    UPDATED_INDEX_FIELD_NUMBER: _ClassVar[int]
    PAY_INDEX_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_RECEIVED_MSAT_FIELD_NUMBER: _ClassVar[int]
    PAID_AT_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_PREIMAGE_FIELD_NUMBER: _ClassVar[int]
    label: str
    bolt11: str
    bolt12: str
    amount_msat: Amount
    description: str
    payment_hash: bytes
    status: DelinvoiceResponse.DelinvoiceStatus
    expires_at: int
    local_offer_id: bytes
    invreq_payer_note: str
    created_index: int
    updated_index: int
    pay_index: int
    amount_received_msat: Amount
    paid_at: int
    payment_preimage: bytes
    def __init__(self, label: _Optional[str] = ..., bolt11: _Optional[str] = ..., bolt12: _Optional[str] = ..., amount_msat: _Optional[_Union[Amount, _Mapping]] = ..., description: _Optional[str] = ..., payment_hash: _Optional[bytes] = ..., status: _Optional[_Union[DelinvoiceResponse.DelinvoiceStatus, str]] = ..., expires_at: _Optional[int] = ..., local_offer_id: _Optional[bytes] = ..., invreq_payer_note: _Optional[str] = ..., created_index: _Optional[int] = ..., updated_index: _Optional[int] = ..., pay_index: _Optional[int] = ..., amount_received_msat: _Optional[_Union[Amount, _Mapping]] = ..., paid_at: _Optional[int] = ..., payment_preimage: _Optional[bytes] = ...) -> None: ...

class ListinvoicesRequest(_message.Message):
    __slots__ = ("label", "invstring", "payment_hash", "offer_id", "index", "start", "limit")
    class ListinvoicesIndex(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        CREATED: _ClassVar[ListinvoicesRequest.ListinvoicesIndex]
        UPDATED: _ClassVar[ListinvoicesRequest.ListinvoicesIndex]
    CREATED: ListinvoicesRequest.ListinvoicesIndex
    UPDATED: ListinvoicesRequest.ListinvoicesIndex
    LABEL_FIELD_NUMBER: _ClassVar[int]
    INVSTRING_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_HASH_FIELD_NUMBER: _ClassVar[int]
    OFFER_ID_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    label: str
    invstring: str
    payment_hash: bytes
    offer_id: str
    index: ListinvoicesRequest.ListinvoicesIndex
    start: int
    limit: int
    def __init__(self, label: _Optional[str] = ..., invstring: _Optional[str] = ..., payment_hash: _Optional[bytes] = ..., offer_id: _Optional[str] = ..., index: _Optional[_Union[ListinvoicesRequest.ListinvoicesIndex, str]] = ..., start: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class ListinvoicesResponse(_message.Message):
    __slots__ = ("invoices",)
    INVOICES_FIELD_NUMBER: _ClassVar[int]
    invoices: _containers.RepeatedCompositeFieldContainer[ListinvoicesInvoices]
    def __init__(self, invoices: _Optional[_Iterable[_Union[ListinvoicesInvoices, _Mapping]]] = ...) -> None: ...

class ListinvoicesInvoices(_message.Message):
    __slots__ = ("label", "description", "payment_hash", "status", "expires_at", "amount_msat", "bolt11", "bolt12", "local_offer_id", "pay_index", "amount_received_msat", "paid_at", "payment_preimage", "invreq_payer_note", "created_index", "updated_index")
    class ListinvoicesInvoicesStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNPAID: _ClassVar[ListinvoicesInvoices.ListinvoicesInvoicesStatus]
        PAID: _ClassVar[ListinvoicesInvoices.ListinvoicesInvoicesStatus]
        EXPIRED: _ClassVar[ListinvoicesInvoices.ListinvoicesInvoicesStatus]
    UNPAID: ListinvoicesInvoices.ListinvoicesInvoicesStatus
    PAID: ListinvoicesInvoices.ListinvoicesInvoicesStatus
    EXPIRED: ListinvoicesInvoices.ListinvoicesInvoicesStatus
    LABEL_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_HASH_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MSAT_FIELD_NUMBER: _ClassVar[int]
    BOLT11_FIELD_NUMBER: _ClassVar[int]
    BOLT12_FIELD_NUMBER: _ClassVar[int]
    LOCAL_OFFER_ID_FIELD_NUMBER: _ClassVar[int]
    PAY_INDEX_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_RECEIVED_MSAT_FIELD_NUMBER: _ClassVar[int]
    PAID_AT_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_PREIMAGE_FIELD_NUMBER: _ClassVar[int]
    INVREQ_PAYER_NOTE_FIELD_NUMBER: _ClassVar[int]
    CREATED_INDEX_FIELD_NUMBER: _ClassVar[int]
    UPDATED_INDEX_FIELD_NUMBER: _ClassVar[int]
    label: str
    description: str
    payment_hash: bytes
    status: ListinvoicesInvoices.ListinvoicesInvoicesStatus
    expires_at: int
    amount_msat: Amount
    bolt11: str
    bolt12: str
    local_offer_id: bytes
    pay_index: int
    amount_received_msat: Amount
    paid_at: int
    payment_preimage: bytes
    invreq_payer_note: str
    created_index: int
    updated_index: int
    def __init__(self, label: _Optional[str] = ..., description: _Optional[str] = ..., payment_hash: _Optional[bytes] = ..., status: _Optional[_Union[ListinvoicesInvoices.ListinvoicesInvoicesStatus, str]] = ..., expires_at: _Optional[int] = ..., amount_msat: _Optional[_Union[Amount, _Mapping]] = ..., bolt11: _Optional[str] = ..., bolt12: _Optional[str] = ..., local_offer_id: _Optional[bytes] = ..., pay_index: _Optional[int] = ..., amount_received_msat: _Optional[_Union[Amount, _Mapping]] = ..., paid_at: _Optional[int] = ..., payment_preimage: _Optional[bytes] = ..., invreq_payer_note: _Optional[str] = ..., created_index: _Optional[int] = ..., updated_index: _Optional[int] = ...) -> None: ...

class WaitinvoiceRequest(_message.Message):
    __slots__ = ("label",)
    LABEL_FIELD_NUMBER: _ClassVar[int]
    label: str
    def __init__(self, label: _Optional[str] = ...) -> None: ...

class WaitinvoiceResponse(_message.Message):
    __slots__ = ("label", "description", "payment_hash", "status", "expires_at", "amount_msat", "bolt11", "bolt12", "pay_index", "amount_received_msat", "paid_at", "payment_preimage", "created_index", "updated_index")
    class WaitinvoiceStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        PAID: _ClassVar[WaitinvoiceResponse.WaitinvoiceStatus]
        EXPIRED: _ClassVar[WaitinvoiceResponse.WaitinvoiceStatus]
    PAID: WaitinvoiceResponse.WaitinvoiceStatus
    EXPIRED: WaitinvoiceResponse.WaitinvoiceStatus
    LABEL_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_HASH_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MSAT_FIELD_NUMBER: _ClassVar[int]
    BOLT11_FIELD_NUMBER: _ClassVar[int]
    BOLT12_FIELD_NUMBER: _ClassVar[int]
    PAY_INDEX_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_RECEIVED_MSAT_FIELD_NUMBER: _ClassVar[int]
    PAID_AT_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_PREIMAGE_FIELD_NUMBER: _ClassVar[int]
    CREATED_INDEX_FIELD_NUMBER: _ClassVar[int]
    UPDATED_INDEX_FIELD_NUMBER: _ClassVar[int]
    label: str
    description: str
    payment_hash: bytes
    status: WaitinvoiceResponse.WaitinvoiceStatus
    expires_at: int
    amount_msat: Amount
    bolt11: str
    bolt12: str
    pay_index: int
    amount_received_msat: Amount
    paid_at: int
    payment_preimage: bytes
    created_index: int
    updated_index: int
    def __init__(self, label: _Optional[str] = ..., description: _Optional[str] = ..., payment_hash: _Optional[bytes] = ..., status: _Optional[_Union[WaitinvoiceResponse.WaitinvoiceStatus, str]] = ..., expires_at: _Optional[int] = ..., amount_msat: _Optional[_Union[Amount, _Mapping]] = ..., bolt11: _Optional[str] = ..., bolt12: _Optional[str] = ..., pay_index: _Optional[int] = ..., amount_received_msat: _Optional[_Union[Amount, _Mapping]] = ..., paid_at: _Optional[int] = ..., payment_preimage: _Optional[bytes] = ..., created_index: _Optional[int] = ..., updated_index: _Optional[int] = ...) -> None: ...

class MakesecretRequest(_message.Message):
    __slots__ = ("hex", "string")
    HEX_FIELD_NUMBER: _ClassVar[int]
    STRING_FIELD_NUMBER: _ClassVar[int]
    hex: bytes
    string: str
    def __init__(self, hex: _Optional[bytes] = ..., string: _Optional[str] = ...) -> None: ...

class MakesecretResponse(_message.Message):
    __slots__ = ("secret",)
    SECRET_FIELD_NUMBER: _ClassVar[int]
    secret: bytes
    def __init__(self, secret: _Optional[bytes] = ...) -> None: ...

class OfferRequest(_message.Message):
    __slots__ = ("amount", "description", "issuer", "label", "quantity_max", "absolute_expiry", "single_use")
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_MAX_FIELD_NUMBER: _ClassVar[int]
    ABSOLUTE_EXPIRY_FIELD_NUMBER: _ClassVar[int]
    SINGLE_USE_FIELD_NUMBER: _ClassVar[int]
    amount: str
    description: str
    issuer: str
    label: str
    quantity_max: int
    absolute_expiry: int
    single_use: bool
    def __init__(self, amount: _Optional[str] = ..., description: _Optional[str] = ..., issuer: _Optional[str] = ..., label: _Optional[str] = ..., quantity_max: _Optional[int] = ..., absolute_expiry: _Optional[int] = ..., single_use: _Optional[bool] = ...) -> None: ...

class OfferResponse(_message.Message):
    __slots__ = ("offer_id", "active", "single_use", "bolt12", "used", "created", "label", "force_paths")
    OFFER_ID_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    SINGLE_USE_FIELD_NUMBER: _ClassVar[int]
    BOLT12_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    FORCE_PATHS_FIELD_NUMBER: _ClassVar[int]
    offer_id: bytes
    active: bool
    single_use: bool
    bolt12: str
    used: bool
    created: bool
    label: str
    force_paths: bool
    def __init__(self, offer_id: _Optional[bytes] = ..., active: _Optional[bool] = ..., single_use: _Optional[bool] = ..., bolt12: _Optional[str] = ..., used: _Optional[bool] = ..., created: _Optional[bool] = ..., label: _Optional[str] = ..., force_paths: _Optional[bool] = ...) -> None: ...

class ListoffersRequest(_message.Message):
    __slots__ = ("offer_id", "active_only")
    OFFER_ID_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_ONLY_FIELD_NUMBER: _ClassVar[int]
    offer_id: bytes
    active_only: bool
    def __init__(self, offer_id: _Optional[bytes] = ..., active_only: _Optional[bool] = ...) -> None: ...

class ListoffersResponse(_message.Message):
    __slots__ = ("offers",)
    OFFERS_FIELD_NUMBER: _ClassVar[int]
    offers: _containers.RepeatedCompositeFieldContainer[ListoffersOffers]
    def __init__(self, offers: _Optional[_Iterable[_Union[ListoffersOffers, _Mapping]]] = ...) -> None: ...

class ListoffersOffers(_message.Message):
    __slots__ = ("offer_id", "active", "single_use", "bolt12", "used", "label", "description", "force_paths")
    OFFER_ID_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    SINGLE_USE_FIELD_NUMBER: _ClassVar[int]
    BOLT12_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    FORCE_PATHS_FIELD_NUMBER: _ClassVar[int]
    offer_id: bytes
    active: bool
    single_use: bool
    bolt12: str
    used: bool
    label: str
    description: str
    force_paths: bool
    def __init__(self, offer_id: _Optional[bytes] = ..., active: _Optional[bool] = ..., single_use: _Optional[bool] = ..., bolt12: _Optional[str] = ..., used: _Optional[bool] = ..., label: _Optional[str] = ..., description: _Optional[str] = ..., force_paths: _Optional[bool] = ...) -> None: ...

class DisableofferRequest(_message.Message):
    __slots__ = ("offer_id",)
    OFFER_ID_FIELD_NUMBER: _ClassVar[int]
    offer_id: bytes
    def __init__(self, offer_id: _Optional[bytes] = ...) -> None: ...

class DisableofferResponse(_message.Message):
    __slots__ = ("offer_id", "active", "single_use", "bolt12", "used", "label", "description", "force_paths")
    OFFER_ID_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    SINGLE_USE_FIELD_NUMBER: _ClassVar[int]
    BOLT12_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    FORCE_PATHS_FIELD_NUMBER: _ClassVar[int]
    offer_id: bytes
    active: bool
    single_use: bool
    bolt12: str
    used: bool
    label: str
    description: str
    force_paths: bool
    def __init__(self, offer_id: _Optional[bytes] = ..., active: _Optional[bool] = ..., single_use: _Optional[bool] = ..., bolt12: _Optional[str] = ..., used: _Optional[bool] = ..., label: _Optional[str] = ..., description: _Optional[str] = ..., force_paths: _Optional[bool] = ...) -> None: ...

class EnableofferRequest(_message.Message):
    __slots__ = ("offer_id",)
    OFFER_ID_FIELD_NUMBER: _ClassVar[int]
    offer_id: bytes
    def __init__(self, offer_id: _Optional[bytes] = ...) -> None: ...

class EnableofferResponse(_message.Message):
    __slots__ = ("offer_id", "active", "single_use", "bolt12", "used", "label", "description", "force_paths")
    OFFER_ID_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    SINGLE_USE_FIELD_NUMBER: _ClassVar[int]
    BOLT12_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    FORCE_PATHS_FIELD_NUMBER: _ClassVar[int]
    offer_id: bytes
    active: bool
    single_use: bool
    bolt12: str
    used: bool
    label: str
    description: str
    force_paths: bool
    def __init__(self, offer_id: _Optional[bytes] = ..., active: _Optional[bool] = ..., single_use: _Optional[bool] = ..., bolt12: _Optional[str] = ..., used: _Optional[bool] = ..., label: _Optional[str] = ..., description: _Optional[str] = ..., force_paths: _Optional[bool] = ...) -> None: ...

class InjectonionmessageRequest(_message.Message):
    __slots__ = ("path_key", "message")
    PATH_KEY_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    path_key: bytes
    message: bytes
    def __init__(self, path_key: _Optional[bytes] = ..., message: _Optional[bytes] = ...) -> None: ...

class InjectonionmessageResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StreamInvoiceCreationRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class InvoiceCreationNotification(_message.Message):
    __slots__ = ("msat", "preimage", "label", "offer_id")
    MSAT_FIELD_NUMBER: _ClassVar[int]
    PREIMAGE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    OFFER_ID_FIELD_NUMBER: _ClassVar[int]
    msat: Amount
    preimage: bytes
    label: str
    offer_id: bytes
    def __init__(self, msat: _Optional[_Union[Amount, _Mapping]] = ..., preimage: _Optional[bytes] = ..., label: _Optional[str] = ..., offer_id: _Optional[bytes] = ...) -> None: ...

class StreamInvoicePaymentRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class InvoicePaymentNotification(_message.Message):
    __slots__ = ("msat", "preimage", "label")
    MSAT_FIELD_NUMBER: _ClassVar[int]
    PREIMAGE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    msat: Amount
    preimage: bytes
    label: str
    def __init__(self, msat: _Optional[_Union[Amount, _Mapping]] = ..., preimage: _Optional[bytes] = ..., label: _Optional[str] = ...) -> None: ...

class FetchinvoiceRequest(_message.Message):
    __slots__ = ("offer", "amount_msat", "quantity", "timeout", "payer_note")
    OFFER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MSAT_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    PAYER_NOTE_FIELD_NUMBER: _ClassVar[int]
    offer: str
    amount_msat: Amount
    quantity: int
    timeout: float
    payer_note: str
    def __init__(self, offer: _Optional[str] = ..., amount_msat: _Optional[_Union[Amount, _Mapping]] = ..., quantity: _Optional[int] = ..., timeout: _Optional[float] = ..., payer_note: _Optional[str] = ...) -> None: ...

class FetchinvoiceResponse(_message.Message):
    __slots__ = ("invoice", "changes")
    INVOICE_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    invoice: str
    changes: FetchinvoiceChanges
    def __init__(self, invoice: _Optional[str] = ..., changes: _Optional[_Union[FetchinvoiceChanges, _Mapping]] = ...) -> None: ...

class FetchinvoiceChanges(_message.Message):
    __slots__ = ("description_appended", "description", "vendor_removed", "vendor", "amount_msat")
    DESCRIPTION_APPENDED_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    VENDOR_REMOVED_FIELD_NUMBER: _ClassVar[int]
    VENDOR_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MSAT_FIELD_NUMBER: _ClassVar[int]
    description_appended: str
    description: str
    vendor_removed: str
    vendor: str
    amount_msat: Amount
    def __init__(self, description_appended: _Optional[str] = ..., description: _Optional[str] = ..., vendor_removed: _Optional[str] = ..., vendor: _Optional[str] = ..., amount_msat: _Optional[_Union[Amount, _Mapping]] = ...) -> None: ...

class XpayRequest(_message.Message):
    __slots__ = ("invstring", "amount_msat", "maxfee", "retry_for", "partial_msat", "maxdelay", "label")
    INVSTRING_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MSAT_FIELD_NUMBER: _ClassVar[int]
    MAXFEE_FIELD_NUMBER: _ClassVar[int]
    RETRY_FOR_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_MSAT_FIELD_NUMBER: _ClassVar[int]
    MAXDELAY_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    invstring: str
    amount_msat: Amount
    maxfee: Amount
    retry_for: int
    partial_msat: Amount
    maxdelay: int
    label: str
    def __init__(self, invstring: _Optional[str] = ..., amount_msat: _Optional[_Union[Amount, _Mapping]] = ..., maxfee: _Optional[_Union[Amount, _Mapping]] = ..., retry_for: _Optional[int] = ..., partial_msat: _Optional[_Union[Amount, _Mapping]] = ..., maxdelay: _Optional[int] = ..., label: _Optional[str] = ...) -> None: ...

class XpayResponse(_message.Message):
    __slots__ = ("payment_preimage", "failed_parts", "successful_parts", "amount_msat", "amount_sent_msat")
    PAYMENT_PREIMAGE_FIELD_NUMBER: _ClassVar[int]
    FAILED_PARTS_FIELD_NUMBER: _ClassVar[int]
    SUCCESSFUL_PARTS_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MSAT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_SENT_MSAT_FIELD_NUMBER: _ClassVar[int]
    payment_preimage: bytes
    failed_parts: int
    successful_parts: int
    amount_msat: Amount
    amount_sent_msat: Amount
    def __init__(self, payment_preimage: _Optional[bytes] = ..., failed_parts: _Optional[int] = ..., successful_parts: _Optional[int] = ..., amount_msat: _Optional[_Union[Amount, _Mapping]] = ..., amount_sent_msat: _Optional[_Union[Amount, _Mapping]] = ...) -> None: ...

class ListsendpaysRequest(_message.Message):
    __slots__ = ("payment_hash",)
    PAYMENT_HASH_FIELD_NUMBER: _ClassVar[int]
    payment_hash: bytes
    def __init__(self, payment_hash: _Optional[bytes] = ...) -> None: ...

class ListsendpaysResponse(_message.Message):
    __slots__ = ("payments",)
    PAYMENTS_FIELD_NUMBER: _ClassVar[int]
    payments: _containers.RepeatedCompositeFieldContainer[ListsendpaysPayments]
    def __init__(self, payments: _Optional[_Iterable[_Union[ListsendpaysPayments, _Mapping]]] = ...) -> None: ...

class ListsendpaysPayments(_message.Message):
    __slots__ = ("id", "groupid", "payment_hash", "status", "amount_msat", "created_at", "amount_sent_msat", "label", "bolt12", "payment_preimage", "created_index")
    class ListsendpaysPaymentsStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        PENDING: _ClassVar[ListsendpaysPayments.ListsendpaysPaymentsStatus]
        FAILED: _ClassVar[ListsendpaysPayments.ListsendpaysPaymentsStatus]
        COMPLETE: _ClassVar[ListsendpaysPayments.ListsendpaysPaymentsStatus]
    PENDING: ListsendpaysPayments.ListsendpaysPaymentsStatus
    FAILED: ListsendpaysPayments.ListsendpaysPaymentsStatus
    COMPLETE: ListsendpaysPayments.ListsendpaysPaymentsStatus
    ID_FIELD_NUMBER: _ClassVar[int]
    GROUPID_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_HASH_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MSAT_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_SENT_MSAT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    BOLT12_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_PREIMAGE_FIELD_NUMBER: _ClassVar[int]
    CREATED_INDEX_FIELD_NUMBER: _ClassVar[int]
    id: int
    groupid: int
    payment_hash: bytes
    status: ListsendpaysPayments.ListsendpaysPaymentsStatus
    amount_msat: Amount
    created_at: int
    amount_sent_msat: Amount
    label: str
    bolt12: str
    payment_preimage: bytes
    created_index: int
    def __init__(self, id: _Optional[int] = ..., groupid: _Optional[int] = ..., payment_hash: _Optional[bytes] = ..., status: _Optional[_Union[ListsendpaysPayments.ListsendpaysPaymentsStatus, str]] = ..., amount_msat: _Optional[_Union[Amount, _Mapping]] = ..., created_at: _Optional[int] = ..., amount_sent_msat: _Optional[_Union[Amount, _Mapping]] = ..., label: _Optional[str] = ..., bolt12: _Optional[str] = ..., payment_preimage: _Optional[bytes] = ..., created_index: _Optional[int] = ...) -> None: ...
