namespace Sentinel.Forwarding.Tests.Http;

/// <summary>Tests that look at the memory of the whole process.</summary>
[CollectionDefinition("memory", DisableParallelization = true)]
public sealed class MemoryCollection;
