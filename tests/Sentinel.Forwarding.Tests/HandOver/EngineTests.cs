using System.Runtime.Versioning;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Tests.HandOver;

/// <summary>The managed engine, to itself.</summary>
[Collection("hand-over")] // one after the other: see Succession
[SupportedOSPlatform("linux")]
public sealed class ManagedHandOverTests() : HandOverTests(RelayEngine.Managed);

/// <summary>The splice engine, to itself.</summary>
[Collection("hand-over")] // one after the other: see Succession
[SupportedOSPlatform("linux")]
public sealed class SpliceHandOverTests() : HandOverTests(RelayEngine.Splice);

/// <summary>Each to the other.</summary>
[Collection("hand-over")] // one after the other: see Succession
[SupportedOSPlatform("linux")]
public sealed class MixedHandOverTests() : HandOverTests(RelayEngine.Managed, RelayEngine.Splice);
