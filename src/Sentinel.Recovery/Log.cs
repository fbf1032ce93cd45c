using Microsoft.Extensions.Logging;
using Sentinel.Backends;

namespace Sentinel.Recovery;

#pragma warning disable SYSLIB1015 // what is for machines alone, such as the outage that a line belongs to, is a field and not in the message

/// <summary>2000–2099.</summary>
internal static partial class Log
{
    [LoggerMessage(2000, LogLevel.Information, "{Backend} is {State} (was {Before}): {Reason}", EventName = "backend.state")]
    public static partial void StateChanged(ILogger logger, BackendId backend, string before, string state, bool healthy, string reason);

    [LoggerMessage(2001, LogLevel.Warning, "{Backend} was preempted, noticed after {LagSeconds:0.0} s: {Detail}", EventName = "backend.preempted")]
    public static partial void Preempted(ILogger logger, BackendId backend, string outage, double lagSeconds, string detail);

    [LoggerMessage(2002, LogLevel.Warning, "{Backend} stopped ({Cause}): {Detail}", EventName = "backend.stopped")]
    public static partial void Stopped(ILogger logger, BackendId backend, string outage, string cause, string detail);

    [LoggerMessage(2003, LogLevel.Warning, "Why {Backend} stopped is known now: {Detail}", EventName = "backend.cause")]
    public static partial void CauseFound(ILogger logger, BackendId backend, string outage, string detail);

    [LoggerMessage(2004, LogLevel.Warning, "{Backend}, notice of preemption ({What}): {Detail}", EventName = "backend.notice")]
    public static partial void Noticed(ILogger logger, BackendId backend, string outage, string what, string detail);

    [LoggerMessage(2005, LogLevel.Information, "The instance of {Backend} runs; its checks decide from here.", EventName = "backend.running")]
    public static partial void Running(ILogger logger, BackendId backend, string outage);

    [LoggerMessage(2006, LogLevel.Warning, "{Backend} is left alone until it is released: {Detail}", EventName = "backend.held")]
    public static partial void Held(ILogger logger, BackendId backend, string outage, string detail);

    [LoggerMessage(2010, LogLevel.Warning, "Outage {Outage} of {Backend} began, says {Source}: {Detail}", EventName = "outage.opened")]
    public static partial void OutageOpened(ILogger logger, BackendId backend, string outage, string source, string detail);

    [LoggerMessage(2011, LogLevel.Information, "Outage {Outage} of {Backend} is over after {Seconds:0.0} s and {Attempts} attempts: {Detail}", EventName = "outage.closed")]
    public static partial void OutageClosed(ILogger logger, BackendId backend, string outage, double seconds, int attempts, string detail);

    [LoggerMessage(2012, LogLevel.Warning, "Outage {Outage} of {Backend} is slow: {Detail}", EventName = "outage.slow")]
    public static partial void Slow(ILogger logger, BackendId backend, string outage, string detail);

    [LoggerMessage(2013, LogLevel.Warning, "{Backend} is flapping: {Detail}", EventName = "outage.flapping")]
    public static partial void Flapping(ILogger logger, BackendId backend, string outage, string detail);

    [LoggerMessage(2014, LogLevel.Information, "Outage {Outage} of {Backend} goes on: {Detail}", EventName = "outage.resumed")]
    public static partial void Resumed(ILogger logger, BackendId backend, string outage, string detail);

    [LoggerMessage(2020, LogLevel.Information, "Starting {Backend}: {Detail}", EventName = "recovery.start.requested")]
    public static partial void StartRequested(ILogger logger, BackendId backend, string outage, string detail);

    [LoggerMessage(2021, LogLevel.Warning, "Resetting {Backend}: {Detail}", EventName = "recovery.reset.requested")]
    public static partial void ResetRequested(ILogger logger, BackendId backend, string outage, string detail);

    [LoggerMessage(2022, LogLevel.Information, "{Backend} was started: {Detail}", EventName = "recovery.started")]
    public static partial void Started(ILogger logger, BackendId backend, string outage, string detail);

    [LoggerMessage(2023, LogLevel.Warning, "{Backend} was not started: {Detail}", EventName = "recovery.start.refused")]
    public static partial void StartRefused(ILogger logger, BackendId backend, string outage, string detail);

    [LoggerMessage(2024, LogLevel.Warning, "The attempt to bring {Backend} back failed: {Detail}", EventName = "recovery.attempt.failed")]
    public static partial void AttemptFailed(ILogger logger, BackendId backend, string outage, string detail);

    [LoggerMessage(2025, LogLevel.Information, "{Backend} waits: {Detail}", EventName = "recovery.waiting")]
    public static partial void Waiting(ILogger logger, BackendId backend, string outage, string detail);

    [LoggerMessage(2026, LogLevel.Warning, "{Backend} hangs: {Detail}", EventName = "recovery.hung")]
    public static partial void Hung(ILogger logger, BackendId backend, string outage, string detail);

    [LoggerMessage(2027, LogLevel.Information, "An operator asked for {Backend}: {Detail}", EventName = "recovery.asked")]
    public static partial void Asked(ILogger logger, BackendId backend, string outage, string detail);

    [LoggerMessage(2028, LogLevel.Warning, "Making {Backend} again, which is gone: {Detail}", EventName = "recovery.recreate.requested")]
    public static partial void RecreateRequested(ILogger logger, BackendId backend, string outage, string detail);

    [LoggerMessage(2029, LogLevel.Warning, "Bringing {Backend} up as something else: {Detail}", EventName = "recovery.fallback.requested")]
    public static partial void FallbackRequested(ILogger logger, BackendId backend, string outage, string detail);

    [LoggerMessage(2030, LogLevel.Warning, "Stopping {Backend}: {Detail}", EventName = "recovery.stop.requested")]
    public static partial void StopRequested(ILogger logger, BackendId backend, string outage, string detail);

    [LoggerMessage(2031, LogLevel.Debug, "For {Backend}, {Detail}", EventName = "recovery.called")]
    public static partial void Called(ILogger logger, BackendId backend, string outage, string detail);

    [LoggerMessage(2040, LogLevel.Error, "An event ({Event}) of {Backend} failed in the sentinel itself; its loop goes on.", EventName = "recovery.event.failed")]
    public static partial void EventFailed(ILogger logger, Exception exception, BackendId backend, string @event);

    [LoggerMessage(2041, LogLevel.Error, "A request ({Action}) for {Backend} failed in the sentinel itself.", EventName = "recovery.request.failed")]
    public static partial void RequestFailed(ILogger logger, Exception exception, string action, BackendId backend);

    [LoggerMessage(2042, LogLevel.Warning, "The clock was set by {BySeconds:0.0} s; waits and outages keep their length.", EventName = "recovery.clock.set")]
    public static partial void ClockSet(ILogger logger, double bySeconds);

    [LoggerMessage(2043, LogLevel.Error, "A round of housekeeping failed in the sentinel itself; the next goes on.", EventName = "recovery.round.failed")]
    public static partial void RoundFailed(ILogger logger, Exception exception);

    [LoggerMessage(2044, LogLevel.Error, "Removing {Backend} failed in the sentinel itself.", EventName = "recovery.remove.failed")]
    public static partial void RemoveFailed(ILogger logger, Exception exception, BackendId backend);

    [LoggerMessage(2045, LogLevel.Error, "The record {Outage} of {Backend} was not written within {Seconds:0} s; recovery goes on without.", EventName = "recovery.record.slow")]
    public static partial void RecordSlow(ILogger logger, BackendId backend, string outage, double seconds);
}
