using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Tests.Relay;

public sealed class ManagedPeerEndTests() : PeerEndContract(RelayEngine.Managed);

public sealed class ManagedConnectTests() : ConnectContract(RelayEngine.Managed);

public sealed class ManagedHoldTests() : HoldContract(RelayEngine.Managed);

public sealed class ManagedOwnEndTests() : OwnEndContract(RelayEngine.Managed);

public sealed class ManagedTransferTests() : TransferContract(RelayEngine.Managed);

public sealed class ManagedReloadTests() : ReloadContract(RelayEngine.Managed);

public sealed class ManagedProxyTests() : ProxyContract(RelayEngine.Managed);

public sealed class ManagedTransparentTests() : TransparentContract(RelayEngine.Managed);
