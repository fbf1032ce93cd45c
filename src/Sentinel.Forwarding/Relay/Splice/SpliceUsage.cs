namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>What a loop holds at one moment: for tests, which want to see it all given back.</summary>
/// <param name="Connections">Slots in use.</param>
/// <param name="PipesOpened">Pipes made since the start.</param>
/// <param name="PipesInUse">Pipes that a flow holds.</param>
/// <param name="Leftovers">Blocks of memory that a flow holds.</param>
/// <param name="Allocated">Bytes that the loop's thread ever allocated on the managed heap.</param>
internal readonly record struct SpliceUsage(int Connections, int PipesOpened, int PipesInUse, int Leftovers, long Allocated);
