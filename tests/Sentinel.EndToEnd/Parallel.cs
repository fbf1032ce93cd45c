// Most of their time these tests wait for programs: more than two at once keep two processors busy.
[assembly: CollectionBehavior(MaxParallelThreads = 4)]
