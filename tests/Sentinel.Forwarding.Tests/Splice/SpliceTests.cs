using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Tests.Relay;

namespace Sentinel.Forwarding.Tests.Splice;

public sealed class SplicePeerEndTests() : PeerEndContract(RelayEngine.Splice);

public sealed class SpliceConnectTests() : ConnectContract(RelayEngine.Splice);

public sealed class SpliceHoldTests() : HoldContract(RelayEngine.Splice);

public sealed class SpliceOwnEndTests() : OwnEndContract(RelayEngine.Splice);

public sealed class SpliceTransferTests() : TransferContract(RelayEngine.Splice);

public sealed class SpliceReloadTests() : ReloadContract(RelayEngine.Splice);

public sealed class SpliceProxyTests() : ProxyContract(RelayEngine.Splice);

public sealed class SpliceTransparentTests() : TransparentContract(RelayEngine.Splice);
